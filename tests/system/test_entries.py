"""The doors of the kernel are counted, and so is what programs ask for in vain."""
import re


def entries(machine):
    return {name: int(count) for name, count in
            re.findall(r"^(\w+) (\d+)$", machine.agent.read_file("/proc/vitrine_entries").decode(), re.MULTILINE)}


def test_unusual_ways_are_counted(boot):
    """int $0x80; and calls that SYSRET cannot end, since somebody steps over them or changed the frame."""
    machine = boot("quiet", agent=True)
    before = entries(machine)
    assert before["int80"] == 0
    assert machine.agent.run(["/tests/int80"]).exit_code == 0
    after = entries(machine)
    assert after["int80"] > 30
    assert machine.agent.run(["/tests/traps"]).exit_code == 0
    assert entries(machine)["syscall_iret"] > after["syscall_iret"]


def test_missing_calls_are_named_once(boot):
    machine = boot("quiet", agent=True)
    for _ in range(2):
        assert machine.agent.run(["/tests/int80"]).exit_code == 0
    listed = machine.agent.read_file("/proc/vitrine_unimplemented").decode()
    assert re.search(r"^17 break\(i386\) 2$", listed, re.MULTILINE), listed
    log = machine.agent.run(["/bin/dmesg"]).stdout.decode()
    assert len(re.findall(r"int80\[\d+\]: system call 17 \(break\) of i386 is not implemented", log)) == 1
