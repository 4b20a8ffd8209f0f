"""Formulas of chemistry in both languages: which runs of letters and figures they are, ions, salts and hydrates."""

import re

from glmtts.text.normalisation.rules import alternatives

_ELEMENTS = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Ti Cr Mn Fe Co Ni Cu Zn As Se Br Kr Ag Sn I Xe Ba Pt Au Hg Pb U"
)
# Two elements and more with a figure among them: CO2, C6H12O6; without one only the salts below are known. USB3.0 is
# a version.
_BEGINS = r"(?:(?<![A-Za-z\d-])|(?<=(?<![A-Za-z\d.,-])\d))"  # one figure before it is a coefficient: 2H2O
FORMULA = rf"{_BEGINS}(?=[A-Z][A-Za-z]*\d)(?:(?:{alternatives(_ELEMENTS.split())})\d{{0,2}}){{2,}}(?![A-Za-z\d-]|\.\d)"
# Capitals say nothing of the letters of these: a reader of words made "nah C L" of NaCl. NO is a word and is none.
SALT = (
    r"(?<![A-Za-z\d-])(?:NaCl|HCl|NaOH|KOH|KCl|HBr|CaO|MgO|ZnO|CuO|FeO|AgCl|LiCl|KBr|NaBr|NaF|NaI|HCN|KCN|NaCN|FeS|ZnS|"
    r"CuS|PbS|GaAs|GaN|SiC|HClO|NaClO)(?![A-Za-z\d-])"
)
# The point of a hydrate is a pause: CuSO4·5H2O.
HYDRATE = r"(?<=[A-Za-z0-9)])[·•⋅](?=\d{0,2}H2O)"
# Fe2+, Cl-, and groups whose charge is written behind their figure: SO42-, PO43-. B+ and C- are grades.
ION = (
    r"(?<![A-Za-z\d])(?:(?P<metal>Li|Na|K|Rb|Cs|Mg|Ca|Sr|Ba|Fe|Cu|Zn|Ag|Al|Mn|Co|Ni|Pb|Hg|Cr|NH4|H3O)(?P<plus>[1-4]?)\+"
    r"|(?P<group>SO4|SO3|CO3|C2O4|HPO4|CrO4|Cr2O7|S2O3|SiO3|PO4|AsO4)\^?(?P<minus>[23])[-−]"
    r"|(?P<one>Cl|Br|OH|HCO3|NO3|NO2|HSO4|MnO4|ClO3|ClO|CN)\^?[-−])(?![A-Za-z\d])"
)


def letters(written: str) -> list[str]:
    """The letters of a formula as capitals and its figures, in order: Fe2O3 is F, E, 2, O, 3."""
    return [part.upper() for part in re.findall(r"[A-Za-z]|\d+", written)]


def ion(match: re.Match[str]) -> tuple[str, str, bool]:
    """Of a match of `ION` its formula, the figure of its charge (empty for one), and whether that is positive."""
    if match["metal"]:
        return match["metal"], match["plus"], True
    return match["group"] or match["one"], match["minus"] or "", False
