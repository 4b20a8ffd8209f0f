"""Latin letters with accents: words that are looked up with them, and the letters without."""

import re
import unicodedata

_SPELLINGS = {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L",
              "đ": "d", "Đ": "D", "ð": "th", "Ð": "Th", "þ": "th", "Þ": "Th", "ı": "i", "ħ": "h", "Ħ": "H", "ŋ": "ng",
              "ĸ": "k", "ŧ": "t", "Ŧ": "T", "ə": "e", "Ə": "E"}  # fmt: skip


def without_accents(word: str) -> str:
    """résumé is resume, Straße Strasse, Łódź Lodz."""
    if word.isascii():
        return word
    spelled = "".join(_SPELLINGS.get(letter, letter) for letter in word)
    # NFD parts a letter from its accents; what it cannot part is in the table above
    return "".join(sign for sign in unicodedata.normalize("NFD", spelled) if not unicodedata.combining(sign))


_FINAL_E = re.compile("ée?s?$")


def with_final_e(word: str, phones: tuple[str, ...]) -> tuple[str, ...]:
    """`phones` of a word in small letters that may end in é or ée: fiancée and consommé end in EY."""
    final = _FINAL_E.search(word)
    if not final:
        return phones
    plural = ("Z",) if final[0].endswith("s") else ()
    stem = phones[:-1] if plural and phones[-1] in ("Z", "S") else phones
    if stem[-1].startswith("EY"):
        return phones
    # the dictionary ends in another vowel (fiancee), or took the é for a silent e
    return (*(stem[:-1] if stem[-1][-1].isdigit() else stem), "EY1", *plural)


# Words that their accents tell from others (résumé is no resume); any other word is looked up without.
ACCENTED = {
    "résumé": "R EH1 Z AH0 M EY2", "résumés": "R EH1 Z AH0 M EY2 Z", "resumé": "R EH1 Z AH0 M EY2",
    "rosé": "R OW0 Z EY1",
    "pâté": "P AA0 T EY1", "lamé": "L AA0 M EY1", "exposé": "EH2 K S P OW0 Z EY1", "saké": "S AA1 K IY0",
    "maté": "M AA1 T EY0", "sauté": "S AO0 T EY1", "sautéed": "S AO0 T EY1 D", "touché": "T UW0 SH EY1",
    "passé": "P AE0 S EY1", "olé": "OW0 L EY1", "flambé": "F L AA0 M B EY1", "purée": "P Y UH0 R EY1",
    "frappé": "F R AE0 P EY1", "appliqué": "AE2 P L AH0 K EY1", "coupé": "K UW0 P EY1", "café": "K AH0 F EY1",
    "piñata": "P IH0 N Y AA1 T AH0", "jalapeño": "HH AA2 L AH0 P EY1 N Y OW0", "señor": "S EY0 N Y AO1 R",
    "señora": "S EY0 N Y AO1 R AH0", "mañana": "M AH0 N Y AA1 N AH0", "niño": "N IY1 N Y OW0", "ñ": "EH1 N Y EY0",
    "façade": "F AH0 S AA1 D", "garçon": "G AA0 R S OW1 N", "français": "F R AA0 N S EY1",
    "curaçao": "K Y UH1 R AH0 S AW2",
    "vis-à-vis": "V IY2 Z AH0 V IY1", "déjà": "D EY1 ZH AA2", "über": "UW1 B ER0", "noël": "N OW0 EH1 L",
    "zoë": "Z OW1 IY0", "chloé": "K L OW1 IY0", "crème": "K R EH1 M", "brûlée": "B R UW0 L EY1",
    "voilà": "V W AA0 L AA1",
    "chloë": "K L OW1 IY0", "brontë": "B R AA1 N T EY0", "beyoncé": "B IY0 AA1 N S EY0", "andré": "AA1 N D R EY2",
    "josé": "HH OW0 Z EY1", "rené": "R AH0 N EY1", "renée": "R AH0 N EY1", "pelé": "P EH1 L EY0",
    "málaga": "M AE1 L AH0 G AH0",
}  # fmt: skip
