"""The page allocator of a whole machine: nodes, what /proc says of zones, what a page costs."""
import re
import struct

import pytest
from shell import Shell
from vitrine_grader.machine import SECOND

NUMA = ("-object", "memory-backend-ram,id=m0,size=64M", "-object", "memory-backend-ram,id=m1,size=128M",
        "-numa", "node,nodeid=0,memdev=m0,cpus=0-1", "-numa", "node,nodeid=1,memdev=m1,cpus=2-3",
        "-numa", "dist,src=0,dst=1,val=31")


def zones_of(text):
    """[(node, zone, {word: number})] of /proc/zoneinfo."""
    heads = list(re.finditer(r"^Node (\d+), zone +(\w+)$", text, re.MULTILINE))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return [(int(head[1]), head[2],
             {word: int(number) for word, number in re.findall(r"(\w+):? +(\d+)$", text[head.end():end], re.MULTILINE)})
            for head, end in zip(heads, ends)]


@pytest.mark.quick
def test_two_nodes(boot):
    """Nodes and zones are told at boot, and their sizes add up to the memory there is."""
    machine = boot(agent=True, smp=4, mem=192, extra=NUMA)
    agent = machine.agent
    log = machine.console.text
    ram = sum(int(end, 16) + 1 - int(start, 16) for start, end in
              re.findall(r"BIOS-e820: \[mem 0x([0-9a-f]+)-0x([0-9a-f]+)\] usable", log))
    nodes = {int(node): int(pages) for node, pages in re.findall(r"node (\d+): \[mem .*\], (\d+) pages", log)}
    assert set(nodes) == {0, 1} and 0 <= ram // 4096 - sum(nodes.values()) <= 4
    assert nodes[0] <= 64 << 8 and nodes[1] <= 128 << 8

    zones = zones_of(agent.read_file("/proc/zoneinfo").decode())
    assert [(node, name) for node, name, _ in zones] == [(n, z) for n in (0, 1) for z in ("DMA", "DMA32", "Normal")]
    for node, pages in nodes.items():
        assert sum(zone["present"] for n, _, zone in zones if n == node) == pages
    for _, _, zone in zones:
        assert zone["spanned"] >= zone["present"] >= zone["managed"] >= zone["free"]
    total = int(re.search(r"MemTotal: +(\d+) kB", agent.read_file("/proc/meminfo").decode())[1])
    assert sum(zone["managed"] for _, _, zone in zones) * 4 == total
    folder = "/sys/devices/system/node"
    assert agent.read_file(f"{folder}/online") == b"0-1\n" and agent.read_file(f"{folder}/node1/cpulist") == b"2-3\n"
    assert agent.read_file(f"{folder}/node0/distance") == b"10 31\n"
    per_node = [int(re.search(r"MemTotal: +(\d+)", agent.read_file(f"{folder}/node{n}/meminfo").decode())[1]) for n in (0, 1)]
    assert sum(per_node) == total
    # Each processor takes from its own node, as long as there is memory.
    stat = dict(re.findall(r"(numa_\w+) (\d+)", agent.read_file("/proc/vmstat").decode()))
    assert int(stat["numa_hit"]) > 0 and int(stat["numa_local"]) <= int(stat["numa_hit"]) + int(stat["numa_miss"])


@pytest.mark.parametrize("bad", ["overlap", "holes"])
def test_bad_nodes(boot, tmp_path, bad):
    """A table of nodes that contradicts itself or leaves memory out is reported and ignored."""
    def memory(domain, start, length):
        return struct.pack("<BBIHQQIIQ", 1, 40, domain, 0, start, length, 0, 1, 0)

    entries = {"overlap": memory(0, 0, 64 << 20) + memory(1, 32 << 20, 96 << 20),
               "holes": memory(0, 0, 32 << 20) + memory(1, 64 << 20, 64 << 20)}[bad]
    (tmp_path / "srat").write_bytes(struct.pack("<IQ", 1, 0) + entries)
    machine = boot(smp=2, extra=("-acpitable", f"sig=SRAT,rev=3,data={tmp_path / 'srat'}"))
    log = Shell(machine).run("dmesg")
    assert re.search(r"SRAT (is damaged|does not cover the memory); ignored", log)
    assert len(re.findall(r"node \d+: \[mem", log)) == 1


@pytest.mark.parametrize("probe, most, most_with_lists", [
    ("mm_page_cost", 60, 400),  # with lists: filled from the zone and emptied into it
    ("mm_slab_cost", 40, 200),  # with new slabs, and those that become empty
])
def test_allocators_cost_little(boot, probe, most, most_with_lists):
    """One page or object from what this processor has, and back: counted, not timed."""
    agent = boot(agent=True, deterministic=True).agent
    alloc, free, average = struct.unpack("<3Q", agent.probe(f"/sys/kernel/debug/probe/{probe}", b""))
    print(f"{probe}: alloc {alloc}, free {free}, many of both {average} instructions")
    assert 10 < alloc <= most and 5 < free <= most
    assert average <= most_with_lists


def test_forty_mebibytes(boot):
    """A shell, and memory to work with."""
    shell = Shell(boot(mem=40))
    assert int(shell.run("awk '/^MemFree/ { print $2 }' /proc/meminfo")) > 16 * 1024
    assert shell.run("echo $((6 * 7))") == "42\n"


ZONE = re.compile(r"""Node \d+, zone +\w+
(?:  per-node stats
(?:      \w+ +\d+
)*)?  pages free     \d+
        boost    \d+
        min      \d+
        low      \d+
        high     \d+
        spanned  \d+
        present  \d+
        managed  \d+
        cma      \d+
        protection: \(\d+(?:, \d+)*\)
(?:(?:      \w+ +\d+
)+  pagesets
(?:    cpu: \d+
              count: \d+
              high:  \d+
              batch: \d+
)+  vm stats threshold: \d+
  node_unreclaimable:  \d
  start_pfn:           \d+
)?""")
TYPES = ["Unmovable", "Movable", "Reclaimable", "HighAtomic"]


def test_forms(boot):
    """What tools parse has Linux's form, and the files agree with each other."""
    agent = boot("quiet", agent=True, smp=2).agent
    texts = {name: agent.read_file(f"/proc/{name}").decode()
             for name in ("zoneinfo", "pagetypeinfo", "buddyinfo", "meminfo", "vmstat")}
    assert re.fullmatch(f"(?:{ZONE.pattern})+", texts["zoneinfo"])
    zones = [zone for zone in zones_of(texts["zoneinfo"]) if zone[2]["present"]]
    buddy = re.findall(r"^Node +(\d+), zone +(\w+) ((?: +\d+){11}) $", texts["buddyinfo"], re.MULTILINE)
    assert [(int(node), name) for node, name, _ in buddy] == [(node, name) for node, name, _ in zones]
    free = sum(int(count) << order for _, _, row in buddy for order, count in enumerate(row.split()))
    assert abs(free - sum(zone["free"] for _, _, zone in zones)) < 512

    head = re.match(r"Page block order: 9\nPages per block:  512\n\nFree pages count per migrate type at order +"
                    + " +".join(map(str, range(11))) + r" \n", texts["pagetypeinfo"])
    assert head
    rows = re.findall(r"^Node +(\d+), zone +(\w+), type +(\w+) ((?: *\d+ ){11})$", texts["pagetypeinfo"], re.MULTILINE)
    assert [row[2] for row in rows] == TYPES * len(zones)
    by_type = sum(int(count) << order for row in rows for order, count in enumerate(row[3].split()))
    assert abs(by_type - free) < 512
    blocks = texts["pagetypeinfo"].split("Number of blocks type ")[1]
    assert blocks.split("\n")[0].split() == TYPES
    total = sum(int(count) for row in blocks.splitlines()[1:] for count in row.split()[4:])
    assert 128 // 2 - 2 <= total <= 128 // 2 + 2

    vmstat = {name: int(value) for name, value in re.findall(r"^(\w+) (\d+)$", texts["vmstat"], re.MULTILINE)}
    allocated = sum(vmstat[f"pgalloc_{zone}"] for zone in ("dma", "dma32", "normal"))
    assert allocated > vmstat["pgfree"] > 0 and vmstat["pgfault"] > 0
    assert vmstat["numa_hit"] == vmstat["numa_local"] > 0
    meminfo = {name: int(value) for name, value in re.findall(r"^(\S+): +(\d+) kB$", texts["meminfo"], re.MULTILINE)}
    assert meminfo["MemAvailable"] <= meminfo["MemTotal"] and meminfo["MemFree"] < meminfo["MemTotal"]


def test_policies_on_two_nodes(boot):
    """Pages lie where set_mempolicy() and mbind() want them; numa_maps shows the same."""
    agent = boot("quiet", agent=True, smp=4, mem=192, extra=NUMA).agent
    done = agent.run(["/tests/mempolicy"], limit_ns=300 * SECOND)
    tap = done.stdout.decode()
    assert done.exit_code == 0 and "not ok" not in tap and "SKIP" not in tap, tap
    assert "# nodes of processors: 0x3\n" in tap
    log = agent.run(["/bin/sh", "-c", "dmesg"]).stdout.decode()
    assert re.search(r"Out of memory \(memory policy\): Killed process \d+ \(mempolicy\)", log)
    vmstat = dict(re.findall(r"^(\w+) (\d+)$", agent.read_file("/proc/vmstat").decode(), re.MULTILINE))
    assert int(vmstat["pgmigrate_success"]) >= 64
    assert int(vmstat["numa_interleave"]) >= 300  # of two areas of 200 pages, one half touched


@pytest.mark.parametrize("emu", ["qemu", "bochs"])
def test_device_memory(boot, emu):
    """/dev/mem shows the screen and the BIOS, and no RAM. (The host has no /dev/mem to compare with.)"""
    done = boot("quiet", emu=emu, agent=True).agent.run(["/tests/dev_mem"], limit_ns=300 * SECOND)
    tap = done.stdout.decode()
    assert done.exit_code == 0 and "not ok" not in tap and "SKIP" not in tap, tap
