"""Whether 30s is a number of seconds (wait 30s, a 30s timeout) or a decade (in the 30s, in his 30s, an 80s song)."""

import re

# What lasts and belongs to no decade.
_LASTING = (
    r"timeouts?|delays?|intervals?|limits?|countdowns?|windows?|pauses?|waits?|rests?|cool-?downs?|timers?|sprints?|"
    r"planks?|bursts?|exposures?|penalt(?:y|ies)|polls?|leads?|gaps?|buffers?|holds?|steps?|latency|sleeps?"
)
# These have decades of their own (an 80s video), but hardly of the twenties to forties.
_MADE = r"clips?|videos?|ads?|spots?|recordings?|trailers?|teasers?|samples?|snippets?"
_NOUN = re.compile(rf"[ -](?:{_LASTING})\b")
_MADE_NOUN = re.compile(rf"[ -](?:{_MADE})\b")
# Verbs and names that have nothing but a time behind them.
_CUE = re.compile(
    r"\b(?:wait(?:s|ed|ing)?|paus(?:e|es|ed|ing)|sle(?:ep|eps|pt|eping)|lasts?|lasted|lasting|(?:set|rest|heat|boil|stir|"
    r"blend|microwave|shake|steep|hold|plank)(?:ed|s)?(?: it| them| this)?|every|within|"
    r"(?:timeout|time limit|delay|interval|duration|TTL|countdown|latency|runtime|cooldown)"
    r"(?: of| is| was| to| at)?[:=]?|\d?[1-9]s(?:,| or| and| to)| ?[<≤=])\s?(?:only |about |another |for |at least )?$",
    re.IGNORECASE,
)
# Behind these, and before an end or another part of the sentence, it is seconds: for 30s, but for 80s music.
_MAYBE = re.compile(
    r"\b(?:for|after|takes?|took|taken|taking|than|another|(?:done|finish\w*|complet\w*|load\w*|start\w*|restart\w*|"
    r"expir\w*|respond\w*|return\w*|retr(?:y|ies|ied)|fail\w*|time[sd]? out|ready|back) in)\s"
    r"(?:only |about |just |another )?$",
    re.IGNORECASE,
)
_SPAN = re.compile(r"\d+\s?[-–]\s?$")  # the lower number of 20-30s
_ENDS = re.compile(
    r"$|[.,;:!?)](?!\w)|\s(?:before|after|then|until|till|while|when|if|at|on|over|per|more|each|longer|later|to|or|between|so|"
    r"without|with|in|during)\b"
)
_ABOUT_YEARS = re.compile(
    r"\b(?:in|of|from|since|during|through) (?:the|his|her|their|your|my|our|its)\b", re.IGNORECASE
)
_MADE_FROM = 50  # the first decade whose films and songs are spoken of


def are_seconds(match: re.Match[str], number: str) -> bool:
    """Whether the tens of a match that ends in s are seconds, by the words on both sides of it."""
    before = match.string[max(0, match.start() - 28) : match.start()]
    after = match.string[match.end() : match.end() + 16]
    before = _SPAN.sub("", before)
    if _ABOUT_YEARS.search(before[-12:]):
        return _NOUN.match(after) is not None
    if _NOUN.match(after) or (int(number) < _MADE_FROM and _MADE_NOUN.match(after)):
        return True
    return _CUE.search(before) is not None or bool(_MAYBE.search(before) and _ENDS.match(after))
