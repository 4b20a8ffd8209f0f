"""Readers of lists: each benchmark's format, and the lists that ship."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from glmtts.errors import DataError, EvaluationError
from glmtts.eval.clone_list import clone_list
from glmtts.eval.items import EvalList, Item
from glmtts.eval.listening.files import read_key
from glmtts.eval.lists import SHIPPED, cv3_list, index_list, seed_list, shipped_list
from glmtts.eval.protocols.base import Settings, read_list
from glmtts.eval.text.tables import read_rows
from glmtts.eval.versa import read_scores


def test_seed_lists_with_every_number_of_columns(tmp_path: Path) -> None:
    folder = tmp_path / "zh"
    folder.mkdir()
    path = folder / "meta.lst"
    path.write_text("a|前文|prompt/a.wav|正文。\nb.wav|正文|prompt/b.wav\nc|正文\nd|前|p.wav|正|wavs/d.wav\n", "utf-8")
    items = read_list(str(path), Settings()).items
    assert [item.id for item in items] == ["a", "b", "c", "d"]
    assert items[0].prompt_audio == folder / "prompt/a.wav" and items[0].prompt_text == "前文"
    assert items[2].prompt_audio is None and items[3].reference_audio == folder / "wavs/d.wav"
    assert {item.language for item in items} == {"zh"}


def test_a_seed_list_of_another_shape_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "meta.lst"
    path.write_text("only one column\n", encoding="utf-8")
    with pytest.raises(EvaluationError, match="1 columns"):
        seed_list(path, "en")
    with pytest.raises(EvaluationError, match="--language"):
        read_list(str(path), Settings())


def test_cv3_folders_tell_language_prompt_and_emotion(tmp_path: Path) -> None:
    folder = tmp_path / "data/emotion_zeroshot/en/angry"
    (folder / "waveform").mkdir(parents=True)
    (folder / "waveform/p.wav").touch()
    (folder / "text").write_text("u_1 Sit down.\nangry_high_2 Now.\n", encoding="utf-8")
    (folder / "prompt_text").write_text("u_1 Hello there.\nangry_high_2 Hi.\n", encoding="utf-8")
    (folder / "prompt_wav.scp").write_text(
        "u_1 data/emotion_zeroshot/en/angry/waveform/p.wav\nangry_high_2 waveform/p.wav\n", encoding="utf-8"
    )
    one, two = cv3_list(folder).items
    assert one.language == "en" and one.prompt_audio == folder / "waveform/p.wav" == two.prompt_audio
    assert one.labels == {"emotion": "angry"} and two.labels == {"emotion": "angry", "level": "high"}
    assert read_list(str(folder), Settings()).name == "en_angry"


def test_folders_with_an_index_give_references_and_labels(tmp_path: Path) -> None:
    record = {"id": "one", "lang": "en", "text": "Hello.", "speaker": "s", "speed": 0.9}
    (tmp_path / "index.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    (tmp_path / "one.flac").touch()
    (item,) = index_list(tmp_path).items
    assert item.reference_audio == tmp_path / "one.flac" and item.labels == {"speaker": "s", "speed": "0.9"}


def test_shipped_lists_have_a_hundred_lines_of_their_languages() -> None:
    lists = {name: shipped_list(name) for name in SHIPPED}
    assert all(len(one.items) >= 100 for one in lists.values())
    assert lists["mini-en"].languages == {"en"} and lists["mini-zh"].languages == {"zh"}
    kinds = {item.labels["kind"] for item in lists["mini-hard"].items}
    assert kinds >= {"twister", "repeat", "digits", "polyphone", "short", "long"}
    assert all(any(sign.isascii() and sign.isalpha() for sign in item.text) for item in lists["mini-mixed"].items)
    with pytest.raises(EvaluationError, match="mini-en"):
        shipped_list("mini-fr")


def test_clones_are_of_held_out_speakers_with_another_recording_of_each(shared: Path) -> None:
    items = clone_list(shared / "corpus", 40).items
    speakers = {item.labels["speaker"] for item in items}
    assert len(items) == 40 and len(speakers) >= 10
    assert all(name == "ljspeech" or name == "S0252" or name.endswith("7") for name in speakers)
    assert all(item.prompt_audio and item.prompt_audio.is_file() for item in items)
    assert all(item.other_audio and item.prompt_audio != item.other_audio for item in items)
    # a path in a label would be told in the results, and tie what was finished to this machine
    assert not any(str(shared) in value for item in items for value in item.labels.values())


def test_lists_refuse_ids_that_are_no_names_and_ids_that_come_twice() -> None:
    for name in ("../x", "a\\b", ".x", "", "a\0b", "a\nb", "a\x7fb"):
        with pytest.raises(EvaluationError, match="file's name"):
            Item(name, "text", "en")
    with pytest.raises(EvaluationError, match="twice"):
        EvalList("list", (Item("a", "x", "en"), Item("a", "y", "en")))


def test_lists_refuse_names_that_lead_elsewhere() -> None:
    for name in ("../x", "a/b", "a\\b", "", ".", "..", "a\0b", "a\nb"):
        with pytest.raises(EvaluationError, match=r"which can be no folder's"):
            EvalList(name, (Item("a", "x", "en"),))
    assert EvalList("…a b", (Item("a", "x", "en"),)).name == "…a b"


def test_names_of_files_that_no_system_takes_are_told(tmp_path: Path) -> None:
    record = {"id": "a", "lang": "en", "text": "Hi."}
    for name in ("a\0b", "a\ud800"):
        (tmp_path / "index.jsonl").write_text(json.dumps(record | {"file": name}), encoding="utf-8")
        with pytest.raises(EvaluationError, match=r"'a' of a list names a file by .*, which can be no name of one"):
            index_list(tmp_path)
    for row in ("a|pt|x\0y|Hello|ok", "a|pt|ok|Hello|x\0y", "a|Hello|x\0y"):
        (tmp_path / "meta.lst").write_text(row, encoding="utf-8")
        with pytest.raises(EvaluationError, match="which can be no name of one"):
            seed_list(tmp_path / "meta.lst", "en")
    odd = Item("a", "x", "en", reference_audio=Path("caf\udce9.wav"))  # a byte that is no UTF-8, as systems have it
    assert EvalList("l", (odd,)).digest


def test_the_number_of_a_line_is_that_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "meta.lst").write_text("\n\na|Hello.\n\nb|c|d|e|f|g\n", encoding="utf-8")
    with pytest.raises(EvaluationError, match=r"Line 5 of .* has 6 columns"):
        seed_list(tmp_path / "meta.lst", "en")
    (tmp_path / "index.jsonl").write_text('\n{"id": "a", "lang": "en", "text": "Hi."}\n\n{}\n', encoding="utf-8")
    with pytest.raises(EvaluationError, match=r"Line 4 of .*index\.jsonl has no id"):
        index_list(tmp_path)
    (tmp_path / "meta.lst").write_text("\na|Hello.\n\nb|Bye.\n", encoding="utf-8")
    assert [one.number for one in seed_list(tmp_path / "meta.lst", "en").items] == [0, 1]  # seeds, as before


def test_a_list_s_digest_does_not_depend_on_where_it_lies() -> None:
    def made(folder: str, text: str) -> str:
        return EvalList("l", (Item("a", text, "en", prompt_audio=Path(folder) / "p.wav"),)).digest

    assert made("/here", "x") == made("/there", "x") != made("/here", "y")


@pytest.mark.parametrize("role", ["reference_audio", "other_audio"])
def test_a_list_s_digest_depends_on_its_recordings(tmp_path: Path, role: str) -> None:
    digests = []
    for folder, sound in (("a", b"one"), ("b", b"one"), ("c", b"two")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "p.wav").write_bytes(sound)
        item = replace(Item("a", "x", "en"), **{role: tmp_path / folder / "p.wav"})
        digests.append(EvalList("l", (item,)).digest)
    assert digests[0] == digests[1] != digests[2]
    (tmp_path / "c/p.wav").write_bytes(b"three")  # in the same process, as in a notebook
    assert EvalList("l", (item,)).digest != digests[2]


def test_lists_of_other_editors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte order mark, Windows' line ends, and a line separator inside a text."""
    path = tmp_path / "meta.lst"
    path.write_bytes("\ufeffa|One.\r\nb|Two\u2028and a half.\r\n".encode())
    assert [(one.id, one.text) for one in seed_list(path, "en").items] == [("a", "One."), ("b", "Two\u2028and a half.")]
    index = '{"id": "a", "lang": "en", "text": "x\u2028y"}\r\n'
    (tmp_path / "index.jsonl").write_bytes(b"\xef\xbb\xbf" + index.encode())
    monkeypatch.chdir(tmp_path)
    found = read_list(".", Settings())
    assert found.name == tmp_path.name and found.items[0].text == "x\u2028y"


def test_a_cv3_folder_with_an_id_twice_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "en"
    folder.mkdir()
    for name in ("text", "prompt_text", "prompt_wav.scp"):
        (folder / name).write_text("u_1 a\nu_1 b\n", encoding="utf-8")
    with pytest.raises(EvaluationError, match="stands twice"):
        cv3_list(folder)


def test_an_index_of_another_corpus_is_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "ljspeech"
    folder.mkdir()
    record = {"id": "a", "lang": "en", "text": "One\u2028two.", "speaker": "ljspeech", "seconds": 4.0}
    good = [json.dumps(record | {"id": name}, ensure_ascii=False) for name in "ab"]
    for name in "ab":
        (folder / f"{name}.flac").touch()
    (folder / "index.jsonl").write_text("\n\n".join(good) + "\n", encoding="utf-8")
    assert [item.prompt_text for item in clone_list(tmp_path, 1).items] == ["One\u2028two."]
    for wrong in (
        "no JSON",
        "[]",
        *(json.dumps({key: value for key, value in record.items() if key != name}) for name in record),
        json.dumps(record | {"seconds": "4"}),
        json.dumps(record | {"file": 3}),
    ):
        (folder / "index.jsonl").write_text(f"{good[0]}\n{wrong}\n", encoding="utf-8")
        with pytest.raises(DataError, match="Line 2 of"):
            clone_list(tmp_path, 1)
    (folder / "index.jsonl").write_bytes(b"\xff")
    with pytest.raises(DataError, match="is not UTF-8"):
        clone_list(tmp_path, 1)


def test_a_list_in_another_encoding_is_told_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "meta.lst"
    path.write_bytes("a|你好。\n".encode("gbk"))
    with pytest.raises(EvaluationError, match="Save it as UTF-8"):
        seed_list(path, "zh")


def test_a_byte_order_mark_is_no_part_of_what_people_write_by_hand(tmp_path: Path) -> None:
    mark = b"\xef\xbb\xbf"
    (tmp_path / "scores").write_bytes(mark + b'{"key": "a", "utmos": 3.0}\n')
    assert read_scores(tmp_path / "scores") == {"a": {"utmos": 3.0}}
    (tmp_path / "words_en.tsv").write_bytes(mark + b"1 kg\tone kilogram\r\n")
    assert list(read_rows(tmp_path / "words_en.tsv", ("written", "spoken"))) == [(1, ["1 kg", "one kilogram"])]
    folder = tmp_path / "ljspeech"
    folder.mkdir()
    record = {"lang": "en", "text": "One.", "speaker": "ljspeech", "seconds": 4.0}
    for name in "ab":
        (folder / f"{name}.flac").touch()
    lines = "\n".join(json.dumps(record | {"id": name}) for name in "ab")
    (folder / "index.jsonl").write_bytes(mark + lines.encode())
    assert len(clone_list(tmp_path, 2).items) == 2
    (tmp_path / "key.json").write_bytes(mark + b'{"test": "t", "kind": "mos", "systems": [], "trials": []}')
    assert read_key(tmp_path / "key.json").test == "t"
