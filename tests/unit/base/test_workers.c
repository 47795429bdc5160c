/* Objects cross threads: nothing is lost, nothing comes twice, order is kept per sender. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/channel.h"
#include "base/workers.h"

#define SENDERS 4
#define EACH    2000

struct item {
	struct list_node link;
	int sender, number;
};
struct receiver {
	struct channel *channel;
	int next[SENDERS], n;
};
struct sender {
	struct channel *channel;
	int id;
	struct item items[EACH];
};
static struct sender senders[SENDERS];

static void on_items(void *ctx, struct list *items)
{
	struct receiver *receiver = ctx;
	struct list_node *node;
	while ((node = list_pop_front(items))) {
		struct item *item = CONTAINER_OF(node, struct item, link);
		assert_int_equal(item->number, receiver->next[item->sender]++);
		receiver->n++;
	}
	if (receiver->n == SENDERS * EACH)
		receiver->channel = channel_close(receiver->channel);
}

static void *send_items(void *arg)
{
	struct sender *sender = arg;
	struct list half;
	list_init(&half);
	for (int i = 0; i < EACH; i++) {
		sender->items[i] = (struct item){.sender = sender->id, .number = i};
		if (i < EACH / 2)
			channel_send(sender->channel, &sender->items[i].link);
		else
			list_push_back(&half, &sender->items[i].link);
	}
	channel_send_all(sender->channel, &half);
	assert_true(list_empty(&half));
	return NULL;
}

static void test_channel_delivers_all_in_order(void **state)
{
	(void)state;
	uv_loop_t loop;
	struct receiver receiver = {.n = 0};
	pthread_t threads[SENDERS];
	uv_loop_init(&loop);
	assert_int_equal(channel_open(&receiver.channel, &loop, on_items, &receiver), 0);
	struct channel *channel = receiver.channel;
	for (int i = 0; i < SENDERS; i++) {
		senders[i].channel = channel;
		senders[i].id = i;
		pthread_create(&threads[i], NULL, send_items, &senders[i]);
	}
	/* The channel is closed by the receiver: it must outlive the senders' last wake-up, so they are
	 * joined first here and the loop runs afterwards on what has gathered. */
	for (int i = 0; i < SENDERS; i++)
		pthread_join(threads[i], NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(receiver.n, SENDERS * EACH);
	assert_int_equal(uv_loop_close(&loop), 0);
}

struct job {
	struct work work;
	int ran, done;
};
static atomic_int ran_n;
static int done_n;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void run_job(struct work *work)
{
	struct job *job = CONTAINER_OF(work, struct job, work);
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	job->ran++;
	atomic_fetch_add(&ran_n, 1);
}

static void job_done(struct work *work)
{
	struct job *job = CONTAINER_OF(work, struct job, work);
	assert_int_equal(job->ran, 1);
	job->done++;
	done_n++;
}

static void test_workers_bound_their_queue_and_finish_at_close(void **state)
{
	(void)state;
	uv_loop_t loop;
	struct workers *workers;
	static struct job jobs[64];
	uv_loop_init(&loop);
	assert_int_equal(workers_open(&workers, &loop, 2, 8), 0);
	pthread_mutex_lock(&gate);
	int taken = 0;
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
		jobs[i].work.run = run_job;
		jobs[i].work.done = job_done;
		int r = workers_submit(workers, &jobs[i].work);
		assert_true(r == 0 || r == -EAGAIN);
		taken += r == 0;
	}
	/* Two workers can have taken one each; the queue holds eight. */
	assert_in_range(taken, 8, 10);
	pthread_mutex_unlock(&gate);
	assert_null(workers_close(workers));
	assert_int_equal(atomic_load(&ran_n), taken);
	assert_int_equal(done_n, taken);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_null(workers_close(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_channel_delivers_all_in_order),
		cmocka_unit_test(test_workers_bound_their_queue_and_finish_at_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
