/// The order of all spin locks.
#pragma once

/// Every spin lock has a place in this list. A processor may only acquire a lock that stands
/// *below* all the spin locks it already holds, so no two processors can wait for each other.
/// There is deliberately no default rank. handouts/kernel/locking.md explains each entry.
enum class LockRank : unsigned char {
    Fasync,        // files whose owners want signals; these are sent under it
    Tasks,         // the list of all tasks, pids, parents and children, process groups, sessions
    Sighand,       // signal handlers and pending signals of a process
    PosixTimers,   // the timers of a process; taken when a signal of one is delivered or forgotten
    Tty,           // a terminal: its input, its settings, its foreground group
    Files,         // a descriptor table
    FsStruct,      // root and working directory of a process
    Mounts,        // the mount table
    DentryParent,  // a directory's dentry, taken before that of its child
    Dentry,        // one dentry: its children, its count
    DentryLru,     // unused dentries
    Inode,         // fields of one inode that a spin lock guards
    SuperBlock,    // the list of a file system's inodes
    TimerfdList,   // timerfds that want to know when the clock is set
    Pipe,          // one per pipe
    PageCache,     // the pages of one file
    PageTable,     // the page tables of one address space
    MmList,        // address space bookkeeping that interrupts never touch
    Swap,          // the slots of a swap device and the pages in memory that stand for them
    Futex,         // one per futex hash bucket
    Mutex,         // the inside of a sleeping lock
    Rcu,           // who waits for a grace period, and the thread that runs them
    WaitQueue,     // inside the lock of the data that is waited for
    Epoll,         // ready list of an epoll instance; filled by wake-ups of what it watches
    WorkerPool,    // a worker pool: its works and workers; waking a worker takes Task
    Mayday,        // which pools a work queue's rescuer should help
    Task,          // a task's wake-up state; a wake-up takes it, then the run queue
    RunQueue,      // a processor's run queue; two of them only through DoubleRunQueueGuard
    Timer,         // a processor's timer queue
    Vmalloc,       // the map of the vmalloc region
    Lru,           // the lists of a node's pages by age
    SlabCaches,    // the list of all caches; a cache's first use adds it
    Slab,          // partial slabs of a cache on a node
    Zone,          // free pages of a zone
    Counter,       // a per-CPU counter, while it is added up
    IrqDesc,       // one interrupt line
    IrqChip,       // the registers of an interrupt controller
    Random,        // the entropy pool
    ClockSource,   // the list of clock sources
    Timekeeper,    // who writes what the clocks are read from
    Clock,         // load averages, clock event devices
    Trace,         // readers of the trace rings
    Log,           // the kernel log ring
    Console,       // anybody may print
    TtyPort,       // last: a serial port's transmitter, which tty and console share
};
