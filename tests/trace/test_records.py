"""What the trace points say, against what the workload did."""
import collections
import itertools

from traced import SUBSHELLS


def of(taken, name):
    return [record for record in taken.records() if record.event.name == name]


def by_cpu(taken):
    rows = collections.defaultdict(list)
    for record in taken.records():
        rows[record.cpu].append(record)
    return rows


def test_forks_of_the_shell(taken):
    by_parent = collections.Counter(record.values["parent_pid"] for record in of(taken, "sched_process_fork"))
    shell, children = by_parent.most_common(1)[0]
    # The subshells, the one of $(), three parts of the pipeline, and sleep where that is a program of its own.
    assert SUBSHELLS + 4 <= children <= SUBSHELLS + 5
    pids = [record.values["child_pid"] for record in of(taken, "sched_process_fork")]
    assert len(set(pids)) == len(pids)
    ends = [record.values["pid"] for record in of(taken, "sched_process_exit")]
    assert sorted(ends) == sorted(pids), "what was forked has ended"
    made = [record for record in of(taken, "sys_exit")
            if record.pid == shell and record.values["id"] in (56, 57, 58) and record.values["ret"] > 0]
    assert [record.values["ret"] for record in made] == \
        [r.values["child_pid"] for r in of(taken, "sched_process_fork") if r.values["parent_pid"] == shell]


def test_exit_codes_are_in_the_arguments(taken):
    codes = [record.values["arg0"] for record in of(taken, "sys_enter") if record.values["id"] == 231]
    assert sorted(code for code in codes if code != 0) == list(range(1, SUBSHELLS + 1))


def test_the_line_was_written_once(taken):
    length = len("exactly-this-line\n")
    writes = [record for record in of(taken, "sys_enter")
              if record.values["id"] == 1 and record.values["arg0"] == 1 and record.values["arg2"] == length]
    assert len(writes) == 1
    answer = next(record for record in of(taken, "sys_exit")
                  if record.pid == writes[0].pid and record.time_ns > writes[0].time_ns)
    assert (answer.values["id"], answer.values["ret"]) == (1, length)


def test_every_call_that_returns_was_made(taken):
    calls = collections.defaultdict(list)
    for record in taken.records():
        if record.event.name == "sys_enter":
            assert not calls[record.pid], "no call within a call"
            calls[record.pid].append(record.values["id"])
        elif record.event.name == "sys_exit" and calls[record.pid]:
            entered = calls[record.pid].pop()
            assert record.values["id"] in (entered, -1)  # rt_sigreturn leaves through another door


def test_time_never_goes_back(taken):
    for records in by_cpu(taken).values():
        assert all(a.time_ns <= b.time_ns for a, b in itertools.pairwise(records))


def test_switches_form_a_chain(taken):
    """Who is switched away from is who was switched to; all between happens to that task."""
    for records in by_cpu(taken).values():
        current = None
        for record in records:
            if current is not None:
                assert record.pid == current, f"{record} while {current} runs"
            if record.event.name == "sched_switch":
                assert record.values["prev_pid"] == record.pid
                assert record.values["prev_pid"] != record.values["next_pid"]
                current = record.values["next_pid"]
    assert len(of(taken, "sched_switch")) > 2 * SUBSHELLS


def test_nobody_runs_twice_at_once(taken):
    where = {}
    for record in of(taken, "sched_switch"):
        for cpu, pid in list(where.items()):
            if pid == record.values["next_pid"] and pid != 0 and cpu != record.cpu:
                raise AssertionError(f"{pid} runs on processor {cpu} and goes to {record.cpu}")
        where[record.cpu] = record.values["next_pid"]


def test_who_was_asleep_was_woken_before_it_ran(taken):
    asleep = set()
    for record in taken.records():
        if record.event.name == "sched_switch" and record.values["prev_state"] in (1, 2):
            asleep.add(record.values["prev_pid"])
        elif record.event.name == "sched_wakeup":
            asleep.discard(record.values["pid"])
            assert record.values["target_cpu"] in taken.raw
        if record.event.name == "sched_switch":
            assert record.values["next_pid"] not in asleep, record


def test_a_task_runs_where_it_was_sent(taken):
    """sched_wakeup_new and sched_migrate_task tell every change of processor, and nothing else."""
    where, moved = {}, 0
    for record in taken.records():
        values, name = record.values, record.event.name
        if name == "sched_wakeup_new":
            where[values["pid"]] = values["target_cpu"]
        elif name == "sched_migrate_task":
            moved += 1
            assert values["orig_cpu"] != values["dest_cpu"] and values["dest_cpu"] in taken.raw
            assert where.setdefault(values["pid"], values["orig_cpu"]) == values["orig_cpu"], record
            where[values["pid"]] = values["dest_cpu"]
        elif name == "sched_wakeup":
            assert where.setdefault(values["pid"], values["target_cpu"]) == values["target_cpu"], record
        elif name == "sched_switch" and values["next_pid"] != 0:
            assert where.setdefault(values["next_pid"], record.cpu) == record.cpu, record
    assert bool(moved) == (len(taken.raw) > 1)


def test_charges_add_up_to_virtual_time(taken):
    """While nothing else places a task, its vruntime grows by just what it ran: all have nice 0."""
    last, checked = {}, 0
    for record in taken.records():
        values, name = record.values, record.event.name
        if name == "sched_stat_runtime":
            before = last.get(values["pid"])
            if before is not None:
                assert values["vruntime"] - before == values["runtime"], record
                checked += 1
            last[values["pid"]] = values["vruntime"]
            # Who puts a task on another processor's queue brings that one up to date, too.
            assert values["runtime"] > 0 and (values["pid"] == record.pid or len(taken.raw) > 1), record
        elif name.startswith("sched_") and "pid" in values:
            last.pop(values["pid"], None)
            last.pop(record.pid, None)  # a parent may pay for its child's going first
    assert checked > SUBSHELLS


def test_time_in_the_queue(taken):
    """What sched_stat_wait says passed between becoming ready and running."""
    ready, waits = {}, 0
    for records in by_cpu(taken).values():
        for record, after in itertools.pairwise(records):
            if record.event.name == "sched_stat_wait":
                assert (after.event.name, after.values["next_pid"]) == ("sched_switch", record.values["pid"])
    for record in taken.records():
        values, name = record.values, record.event.name
        if name in ("sched_waking", "sched_wakeup_new"):
            ready[values["pid"]] = (name, record.time_ns)
        elif name == "sched_stat_wait" and values["pid"] in ready:
            how, since = ready.pop(values["pid"])
            waits += 1
            assert how == "sched_wakeup_new" or values["delay"] <= record.time_ns - since, record
    assert waits > SUBSHELLS


def test_each_wakeup_was_asked_for_by_the_same_task(taken):
    for records in by_cpu(taken).values():
        asked = []
        for record in records:
            if record.event.name == "sched_waking":
                asked.append((record.pid, record.values["pid"]))
            elif record.event.name == "sched_wakeup":
                assert asked and asked.pop() == (record.pid, record.values["pid"]), record


def test_the_dead_are_waited_for_and_freed(taken):
    ends = [record.values["pid"] for record in of(taken, "sched_process_exit")]
    frees = [record for record in of(taken, "sched_process_free")]
    assert set(ends) <= {record.values["pid"] for record in frees} | {ends[-1]}
    ended = {record.values["pid"]: record.time_ns for record in of(taken, "sched_process_exit")}
    assert all(record.time_ns > ended[record.values["pid"]] for record in frees if record.values["pid"] in ended)
    waits = of(taken, "sched_process_wait")
    assert len(waits) >= SUBSHELLS and all(record.values["prio"] == 120 for record in waits)


def test_faults_of_programs(taken):
    faults = of(taken, "page_fault_user")
    assert len(faults) > SUBSHELLS, "every fork's child writes to pages that it shares"
    for record in faults:
        values = record.values
        assert values["address"] < 1 << 47 and values["ip"] < 1 << 47
        assert values["error_code"] & 4, "from user mode"
        if values["error_code"] & 16:
            assert values["address"] == values["ip"], "a fetch faults where it is"


def test_flags_tell_the_context(taken):
    assert all(record.flags & 1 for record in of(taken, "sched_switch")), "interrupts are off in a switch"
    assert all(record.flags & 3 == 3 for record in of(taken, "irq_handler_entry"))
    assert not any(record.flags & 2 for record in of(taken, "sys_enter"))
    assert not any(record.flags & 1 for record in of(taken, "sys_enter")), "calls run with interrupts on"
