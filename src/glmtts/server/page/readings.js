// Readings as people know them: pinyin with marks, English as IPA.

const TONES = { a: "āáǎàa", e: "ēéěèe", i: "īíǐìi", o: "ōóǒòo", u: "ūúǔùu", ü: "ǖǘǚǜü" };
const VOWELS = {
  AA: "ɑ", AE: "æ", AH: "ʌ", AO: "ɔ", AW: "aʊ", AY: "aɪ", EH: "ɛ", ER: "ɝ", EY: "eɪ", IH: "ɪ", IY: "i", OW: "oʊ", OY: "ɔɪ",
  UH: "ʊ", UW: "u",
};
const UNSTRESSED = { AH: "ə", ER: "ɚ" };
const CONSONANTS = {
  B: "b", CH: "tʃ", D: "d", DH: "ð", F: "f", G: "ɡ", HH: "h", JH: "dʒ", K: "k", L: "l", M: "m", N: "n", NG: "ŋ", P: "p",
  R: "r", S: "s", SH: "ʃ", T: "t", TH: "θ", V: "v", W: "w", Y: "j", Z: "z", ZH: "ʒ",
};

// hang2 → háng: the mark stands on a or e, else on the o of ou, else on the last vowel.
export function marked(pinyin) {
  const letters = pinyin.slice(0, -1).replace("u:", "ü").replace("v", "ü"), tone = Number(pinyin.at(-1));
  const vowel = ["a", "e", "ou"].find((part) => letters.includes(part))?.[0] ?? letters.match(/[iouü](?=[^iouü]*$)/)?.[0];
  if (!vowel || !tone) return letters;
  const at = letters.lastIndexOf(vowel);
  return letters.slice(0, at) + TONES[vowel][tone - 1] + letters.slice(at + 1);
}

// R EH1 D → /rɛd/; the stress of a word with one vowel goes without saying.
export function ipa(arpabet) {
  const phones = arpabet.split(" ");
  const single = phones.filter((phone) => /\d$/.test(phone)).length < 2;
  let onset = 0, written = [];
  for (const phone of phones) {
    const stress = /\d$/.test(phone) ? phone.at(-1) : null, name = phone.replace(/\d$/, "");
    if (stress === null) {
      written.push(CONSONANTS[name] ?? name.toLowerCase());
      continue;
    }
    const mark = single || stress === "0" ? "" : stress === "1" ? "ˈ" : "ˌ";
    written.splice(Math.max(onset, written.length - 1), 0, mark);
    written.push((stress === "0" && UNSTRESSED[name]) || VOWELS[name]);
    onset = written.length;
  }
  return `/${written.join("")}/`;
}

export const shown = (part, reading) =>
  part.arpabet ? ipa(reading) : reading.split(" ").map(marked).join(" ");
