// Probe of lab 04-paging: where the page tables of programs are, so that the grader can read them
// in the stopped machine's memory. For a running kernel only.
//
//   vm_spaces       in: u32 task numbers. out: 8 u64 for each: the top-level table's physical
//                   address, then page-table pages, pages of rss_anon, rss_file and rss_shmem as
//                   counted, processors that have it loaded (a bit each), tlb_gen, users; all 0 if
//                   there is no such task or it has no address space

#include "fs/debugfs/probe.h"
#include "init/probes/bytes.h"
#include "sched/pid.h"
#include "vm/mm_struct.h"

namespace probes {
namespace {

void put_space(vm::MmStruct& mm, ByteWriter& answer) {
    for (const u64 word :
         {arch::virt_to_phys(mm.page_table).raw(), u64(mm.page_table_pages.load()),
          u64(mm.rss_anon.load()), u64(mm.rss_file.load()), u64(mm.rss_shmem.load()),
          mm.cpus.bits(), mm.tlb_gen.load(), u64{mm.users()}}) {
        answer.put(word);
    }
}

Result<usize> run(std::span<const std::byte> in, std::span<std::byte> out) {
    ByteReader input(in);
    ByteWriter answer(out);
    while (input.left() > 0) {
        const auto number = input.take<u32>();
        if (!input.ok()) return EINVAL;
        IrqGuard guard(sched::tasks_lock);
        const sched::Task* const task = sched::find_task(sched::PidNumber(number));
        if (task != nullptr && task->mm != nullptr) {
            put_space(*task->mm, answer);
        } else {
            for (unsigned i = 0; i < 8; i++) answer.put(u64{0});
        }
    }
    return answer.result();
}

PROBE(vm_spaces) = {.name = "vm_spaces", .run = run};

}  // namespace
}  // namespace probes
