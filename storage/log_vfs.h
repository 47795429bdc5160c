/*
 * A SQLite VFS that gathers the small writes of the write-ahead log into large ones; everything else goes
 * straight to the VFS that was the default. For the writer's connection with synchronous=FULL. Any thread.
 */
#ifndef SERVELO_STORAGE_LOG_VFS_H
#define SERVELO_STORAGE_LOG_VFS_H

#define LOG_VFS_NAME "servelo-log"

/* Once per process, before the first connection that asks for it. */
void log_vfs_register(void);

#endif
