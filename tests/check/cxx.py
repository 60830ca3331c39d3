"""Just enough understanding of formatted C and C++ to measure functions and find missing braces.

blank() replaces comments and literals by spaces, so that what is left can be searched without
being fooled, at unchanged positions. functions() walks over the braces that remain and tells
functions from namespaces, classes and initialisers by the text before each brace.
"""
import bisect
import dataclasses
import re

LITERALS = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|'
    r"(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'", re.DOTALL)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", re.MULTILINE)
CONTAINER = re.compile(r'(?:^|\s)(?:namespace|class|struct|union|enum|concept|extern\s+" *")(?=\s|$|\w)')
CONTROL = re.compile(r"\b(if|for|while|switch|do|else|catch)\b")


@dataclasses.dataclass
class Function:
    name: str
    line: int        # of the opening brace's statement
    lines: int       # from there to the closing brace
    parameters: int
    nesting: int     # control blocks inside each other, the body itself not counted


def blank(text):
    """`text` with comments and literals blanked out; newlines, and so positions, stay."""
    return LITERALS.sub(lambda match: re.sub(r"[^\n\"]", " ", match[0]) if match[0][0] in '"R'
                        else re.sub(r"[^\n]", " ", match[0]), text)


def blank_directives(code):
    return DIRECTIVE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), code)


def matching(code, start):
    """The position of the bracket that closes the one at `start`, or -1."""
    pairs, depth = {"(": ")", "{": "}", "[": "]"}, 0
    opening, closing = code[start], pairs[code[start]]
    for position in range(start, len(code)):
        if code[position] == opening:
            depth += 1
        elif code[position] == closing:
            depth -= 1
            if depth == 0:
                return position
    return -1


def functions(text):
    """All functions defined in `text`, those inside of classes too; lambdas belong to their function."""
    code = blank_directives(blank(text))
    starts = [match.start() for match in re.finditer("\n", code)]
    found, position, statement = [], 0, 0
    while position < len(code):
        character = code[position]
        if character in ";}":
            statement = position + 1
        elif character == "{":
            head = code[statement:position]
            end = matching(code, position)
            if end < 0:
                break
            kind = kind_of(head)
            if kind == "container":
                statement = position + 1
            elif kind == "initialiser":
                position = end       # the statement goes on: `Type x{1}` or `= {...};`
            else:
                found.append(measure(code, head, position, end, starts, statement))
                position, statement = end, end + 1
        position += 1
    return found


def kind_of(head):
    """What the brace after `head`, the text since the last statement, opens."""
    head = re.sub(r"\b(?:alignas|__attribute__|ALIGNED|CAPABILITY)\s*\([^)]*\)+", " ", head)
    without_access = re.sub(r"\b(?:public|private|protected)\s*:(?!:)", " ", head)
    depth_free = re.sub(r"\([^()]*\)", "()", without_access)
    template_free = re.sub(r"\btemplate\s*<.*?>(?=\s*\n|\s+(?:class|struct|union|requires|concept|[A-Za-z]))",
                           " ", without_access, flags=re.DOTALL)
    if CONTAINER.search(template_free) and "(" not in template_free:
        return "container"
    if re.search(r'\bextern\s+"\s*"\s*$', without_access):
        return "container"
    if re.search(r"[^=!<>]=\s*$", depth_free) or "(" not in without_access:
        return "initialiser"
    if re.search(r"[^=!<>+\-*/|&^]=[^=]", re.sub(r"\(.*\)", "", without_access, flags=re.DOTALL)) \
            and not re.search(r"\boperator\s*\S*=", without_access):
        return "initialiser"
    if re.search(r":[^:].*\w\s*$", re.sub(r"::|\(.*?\)", "", without_access.split(")")[-1])):
        return "initialiser"         # a member in a constructor's list: `: size_{1}`
    return "function"


def measure(code, head, opening, end, starts, statement):
    first = statement + len(head) - len(head.lstrip())
    line = bisect.bisect(starts, first - 1) + 1
    last = bisect.bisect(starts, end - 1) + 1
    name, parameters = signature(re.sub(r"\btemplate\s*<[^{;]*?>\s*\n", "", head))
    return Function(name, line, last - line + 1, parameters, nesting(code[opening + 1:end]))


def signature(head):
    """(name, number of parameters) of a function's head."""
    match = re.search(r"([~\w:]+|operator\s*\S+?)\s*\(", head)
    if not match:
        return head.strip()[:40], 0
    close = matching(head, match.end() - 1)
    inside = head[match.end():close].strip() if close > 0 else ""
    return match[1], 0 if inside in ("", "void") else 1 + top_level_commas(inside)


def top_level_commas(text):
    depth = count = 0
    for character in text:
        depth += (character in "(<[{") - (character in ")>]}")
        count += character == "," and depth == 0
    return count


def nesting(body):
    """The deepest stack of control blocks in a function's body."""
    stack, deepest, statement = [], 0, 0
    for position, character in enumerate(body):
        if character == "{":
            stack.append(bool(CONTROL.search(body[statement:position])))
            deepest = max(deepest, sum(stack))
            statement = position + 1
        elif character == "}":
            if stack:
                stack.pop()
            statement = position + 1
        elif character == ";" and body[:position].count("(", statement) == body[:position].count(")", statement):
            statement = position + 1
    return deepest


def unbraced(text):
    """Lines at which a control statement has neither braces nor its whole body on its own line."""
    code, found = blank(text), []
    for match in re.finditer(r"\b(?:(if|for|while)\b(?:\s+constexpr)?\s*(?=\()|(else)\b(?!\s*if\b))", code):
        after = match.end()
        if match[1]:
            after = matching(code, match.end()) + 1
            ends_do = match[1] == "while" and code[:match.start()].rstrip(" \t\\\n").endswith("}")
            if after == 0 or ends_do:
                continue
        rest = code[after:]
        body = rest.lstrip(" \t\\\n")
        gap = rest[:len(rest) - len(body)]
        attribute = re.match(r"\[\[[^\]]*\]\]\s*", body)
        if attribute:
            gap, body = gap + attribute[0], body[attribute.end():]
        is_directive = re.search(r"#\s*$", code[:match.start()].rsplit("\n", 1)[-1])
        if not is_directive and body[:1] not in ("{", ";") and "\n" in gap:
            found.append(code.count("\n", 0, match.start()) + 1)
    return found
