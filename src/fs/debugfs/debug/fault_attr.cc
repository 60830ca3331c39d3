// /sys/kernel/debug/{failslab,fail_page_alloc}: which allocations fail on demand.
#include "fs/debugfs/files.h"
#include "lib/parse.h"
#include "mm/fault_inject.h"

namespace debugfs {
namespace {

using Number = mm::FaultAttr::Number;

Result<void> show_number(libfs::SeqFile& out, void* data) {
    out.print("%d\n", static_cast<Number*>(data)->load());
    return {};
}
Result<void> store_number(std::string_view text, void* data) {
    const i64 value = TRY(parse_signed(libfs::trim(text)));
    if (value != i32(value)) return ERANGE;
    static_cast<Number*>(data)->store(i32(value));
    return {};
}

Result<void> show_switch(libfs::SeqFile& out, void* data) {
    out.print("%s\n", static_cast<Number*>(data)->load() ? "Y" : "N");
    return {};
}
Result<void> store_switch(std::string_view text, void* data) {
    text = libfs::trim(text);
    const bool on = text == "Y" || text == "y" || text == "1";
    if (!on && text != "N" && text != "n" && text != "0") return EINVAL;
    static_cast<Number*>(data)->store(on);
    return {};
}

struct Field {
    libfs::TextNode file;
    Number mm::FaultAttr::*number;
};
constexpr Field kFields[] = {
    {{"probability", 0600, show_number, store_number}, &mm::FaultAttr::probability},
    {{"interval", 0600, show_number, store_number}, &mm::FaultAttr::interval},
    {{"times", 0600, show_number, store_number}, &mm::FaultAttr::times},
    {{"space", 0600, show_number, store_number}, &mm::FaultAttr::space},
    {{"verbose", 0600, show_number, store_number}, &mm::FaultAttr::verbose},
    {{"task-filter", 0600, show_switch, store_switch}, &mm::FaultAttr::task_filter},
    {{"ignore-gfp-wait", 0600, show_switch, store_switch}, &mm::FaultAttr::ignore_gfp_wait},
};
constexpr Field kMinOrder{{"min-order", 0600, show_number, store_number},
                          &mm::FaultAttr::min_order};

Result<libfs::Node*> add_attr(libfs::Tree& tree, mm::FaultAttr& attr) {
    libfs::Node& dir = *TRY(tree.add_dir(tree.root(), attr.name, 0700));
    for (const Field& field : kFields) {
        TRY(tree.add_text(dir, field.file, &(attr.*field.number)));
    }
    return &dir;
}

}  // namespace

Result<void> add_fault_injection(libfs::Tree& tree) {
    TRY(add_attr(tree, mm::failslab));
    libfs::Node& pages = *TRY(add_attr(tree, mm::fail_page_alloc));
    return tree.add_text(pages, kMinOrder.file, &(mm::fail_page_alloc.*kMinOrder.number));
}

}  // namespace debugfs
