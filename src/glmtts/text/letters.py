"""Where a capital A is the letter rather than the article: plan A, an A, from A to Z, in A major."""

import re

from glmtts.text.mandarin import CHINESE

_NAMED = (
    r"(?:an|the|[Pp]lan|[Vv]itamins?|[Gg]rade|[Gg]roup|[Cc]lass|[Ss]ection|[Tt]ype|[Tt]eam|[Oo]ption|[Ee]xhibit|[Hh]epatitis|"
    r"[Aa]ppendix|[Ll]evels?|[Pp]art|[Ss]ide|[Ss]ize|[Bb]lock|[Gg]ate|[Tt]erminal|[Hh]all|[Bb]uilding|[Rr]oom|[Ff]lat|[Ff]igure|"
    r"[Tt]able|[Pp]oint|[Bb]ox|[Kk]ey|[Ll]etter|[Nn]ote|[Cc]olumn|[Rr]ow|[Cc]ase|[Mm]odel|[Ss]eries|[Ll]eague|[Ss]tage|[Pp]hase|"
    r"[Ll]ine|[Bb]us|[Ss]chedule|[Cc]ategory|[Zz]one|[Tt]ier|[Ww]ard|[Uu]nit|[Aa]nswer|[Ss]traight|[Pp]roduct|[Cc]ity|[Pp]layer)"
)
_AT_START = re.compile(rf"(?:{CHINESE.pattern}|(?:^|[^A-Za-z])[A-Z]) ?$")
_AFTER_NAME = re.compile(rf"(?<![A-Za-z]){_NAMED} $")
_IN_TEXT = re.compile(r"[a-z]['’]?[ -]$")
# from A to Z, A and B, an A plus
_LETTERS_TOO = r"(?:(?:to|and|or|vs|versus|through|nor) [B-Z]|(?:plus|minus)(?! sign))\b"
_BEFORE_LETTER = re.compile(rf" ?(?:{CHINESE.pattern}|[A-Z](?![A-Za-z]))|\.[A-Z]| {_LETTERS_TOO}")
_NUMBER = r"(?:one|two|three|four|five|six|seven|eight|nine|ten)"
_BEFORE_KEY = re.compile(rf"[ -](?:major|minor|flat|sharp)(?![a-z]| [a-z])|[ -](?:list|levels?|team)\b|[ -]{_NUMBER}\b")
_AT_END = re.compile(r"[ ]*(?:$|[.,;:!?)\]”\"。，！？；：）])")
_VIEW = 16  # characters on either side; the longest of the words above has ten


def is_letter_a(text: str, start: int, end: int) -> bool:
    """Whether the capital A at text[start:end] is read EY1 wherever it stands.

    An article does not end a clause, and is not named by the word before it; where neither tells, it is the article.
    """
    before, after = text[max(0, start - _VIEW) : start], text[end : end + _VIEW]
    if _AT_START.search(before) or _BEFORE_LETTER.match(after) or _AFTER_NAME.search(before):
        return True
    return bool(_IN_TEXT.search(before) and (_BEFORE_KEY.match(after) or _AT_END.match(after)))
