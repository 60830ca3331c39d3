"""`python3 -m vitrine_grader`: grade, grade-one, mutants.

Exit codes: 0 graded (grade: with all points), 1 points are missing or a table row is bad, 2 usage,
75 infrastructure fault: no grade, try again (EX_TEMPFAIL; batch systems requeue on it).
"""

from __future__ import annotations

import argparse
import pathlib
import sys
import tempfile

from . import builder, images, lab, mutants, results, sandbox
from .errors import GraderError, InfrastructureFault
from .grade import Options, run_tests
from .results import Record

EX_TEMPFAIL = 75


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="vitrine_grader", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, text: str, emu: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text)
        sub.add_argument("--emu", choices=["qemu", "bochs", "both"], default=emu)
        sub.add_argument("--seed", default="")
        sub.add_argument("-n", "--workers", type=int, default=2)
        sub.add_argument("--no-sandbox", action="store_true")
        return sub

    grade = command("grade", "grade the tree, or a submission, and show it", "qemu")
    grade.add_argument("lab")
    grade.add_argument("--tests", default="", help="only tests matching this pytest expression")
    grade.add_argument("--submission", type=pathlib.Path)
    grade.add_argument("--json", type=pathlib.Path)
    grade.add_argument("--junit", type=pathlib.Path)
    grade.add_argument("--keep", type=pathlib.Path, help="keep logs of all machines here")
    one = command("grade-one", "grade a submission quietly, for batches", "both")
    one.add_argument("submission", type=pathlib.Path)
    one.add_argument("lab")
    one.add_argument("--out", type=pathlib.Path, required=True)
    one.add_argument("--junit", type=pathlib.Path)
    table = command("mutants", "prove the lab's tests", "qemu")
    table.add_argument("lab")
    return parser.parse_args(argv)


def grade_submission(args, the_lab: lab.Lab, options: Options) -> Record:
    """Through the overlay; without a submission the tree's own build is graded as it is."""
    root = images.root()
    if args.submission is None:
        return run_tests(the_lab, root / "build/kernel", options)
    if not args.submission.is_dir():
        raise lab.LabError(f"{args.submission} is not a folder")
    box = None if args.no_sandbox else sandbox.require()
    reference = builder.reference(root, root / "build/grader", box)
    with tempfile.TemporaryDirectory(prefix="vitrine-submission-") as folder:
        tree = pathlib.Path(folder) / "tree"
        build = builder.build_submission(the_lab, args.submission, reference, tree, box)
        for note in build.notes if not options.quiet else ():
            print(f"note: {note}", flush=True)
        options.failed_build = build.problem
        record = run_tests(the_lab, build.out, options)
        record.notes = build.notes
    return record


def provenance() -> dict[str, str]:
    """Which grader gave this grade."""
    return {"grader": builder.tree_hash(pathlib.Path(__file__).parent)}


def do_grade(args, the_lab: lab.Lab, options: Options) -> int:
    record = grade_submission(args, the_lab, options)
    record.provenance = provenance()
    json_path = args.out if args.command == "grade-one" else args.json
    if json_path:
        results.write_json(record, json_path)
    if args.junit:
        results.write_junit(record, args.junit)
    if not options.quiet:
        print(f"\n{the_lab.title}: {record.summary()}")
    if record.has_fault:
        return EX_TEMPFAIL
    if not record.tests:
        print(f"no test matches {options.tests!r}" if options.tests else "no tests", file=sys.stderr)
        return 2
    if args.command == "grade-one":
        return 0
    return 0 if all(test.status == "passed" for test in record.tests) else 1


def do_mutants(args, the_lab: lab.Lab, options: Options) -> int:
    root, box = images.root(), None if args.no_sandbox else sandbox.require()
    reference = builder.reference(root, root / "build/grader", box)
    options.quiet = True
    options.seed = options.seed or "mutants"  # the table is the same every time
    bench = mutants.Bench(root, the_lab, reference, box, options)
    rows = mutants.table(bench, lambda row: print(row.text(), flush=True))
    bad = sum(not row.good for row in rows)
    print(f"{len(rows) - bad} passed, {bad} failed")
    return 1 if bad else 0


def main(argv: list[str]) -> int:
    args = parse(argv)
    try:
        the_lab = lab.find(images.root(), args.lab)
        options = Options(
            emu=args.emu, seed=args.seed, workers=args.workers, sandbox=not args.no_sandbox,
            initrd=images.root() / "build/initramfs-lab.cpio", quiet=args.command == "grade-one",
            tests=getattr(args, "tests", ""), keep=getattr(args, "keep", None),
        )  # fmt: skip
        return do_mutants(args, the_lab, options) if args.command == "mutants" else do_grade(args, the_lab, options)
    except InfrastructureFault as fault:
        print(f"infrastructure fault, no grade: {fault}", file=sys.stderr)
        return EX_TEMPFAIL
    except GraderError as error:
        print(error, file=sys.stderr)
        return 2


def console() -> None:
    """Entry point of the installed command."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
