"""British spellings as American ones, which are those of the CMU dictionary: tumour, organised, litre, anaemia."""

import re
from collections.abc import Iterator

# The American spelling counts only where the dictionary has it, so that hour, wise and premise stay what they are.
_RULES = [
    (re.compile(r"our(?=$|s$|ed$|ing|er|a[bl]|ful|less|is[mt]|hood|ite|y$)"), "or"),
    (re.compile(r"is(?=e$|es$|ed$|er|ing$|ation|able$)"), "iz"),
    (re.compile(r"ys(?=e$|es$|ed$|er|ing$)"), "yz"),
    (re.compile(r"(?<=[bcghptv])re(?=s?$)"), "er"),
    (re.compile(r"(?<=[bcghptv])r(?=ed$|ing$)"), "er"),
    (re.compile(r"(?<=en)c(?=es?$|eless)"), "s"),
    (re.compile(r"(?<=[a-z][aeiou])ll(?=ed$|ing$|er|en$)"), "l"),
    (re.compile(r"^(enro|fulfi|disti|insti|enthra|appa|insta|ski|wi)l(?=$|s$|ment|ful)"), r"\1ll"),
    (re.compile(r"(?<=og)ue(?=s?$)|(?<=gram)me(?=s?$)"), ""),
    # Greek ae and oe; names keep theirs (Michaela, Joel)
    (re.compile(r"ae(?=m[ior]|di|c[aeiou]|sar|sth|val|ol)"), "e"),
    (re.compile(r"oe(?=s[ot]|t[aiou]|dem|li|b[ai]|a)"), "e"),
    (re.compile(r"oeuv"), "euv"),
    (re.compile(r"^scep"), "skep"),
    (re.compile(r"sulph"), "sulf"),
    (re.compile(r"(?<=m)ou(?=l[dt])"), "o"),
    (re.compile(r"yogh"), "yog"),
    (re.compile(r"^gaol"), "jail"),
    (re.compile(r"^pyj"), "paj"),
    (re.compile(r"^chequer"), "checker"),
    (re.compile(r"^jeweller(?=y)"), "jewelr"),
]
_MOST = 3  # changes of one word: haemorrhaged has one, colourised two


def american(word: str) -> Iterator[str]:
    """American spellings that a British `word` in small letters may have; most are no words."""
    known = [word]
    for _ in range(_MOST):
        changed = [rule.sub(to, spelling, count=1) for spelling in known for rule, to in _RULES]
        new = [spelling for spelling in dict.fromkeys(changed) if spelling not in known]
        yield from new
        known += new
