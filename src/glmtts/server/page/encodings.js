// A dropped text file in whatever encoding, by the rule of `glm-tts read` (text/encodings.py): UTF-8, UTF-16 with its
// mark, else the Chinese encoding in which most characters are frequent ones.

const MARKS = { "utf-8": [0xef, 0xbb, 0xbf], "utf-16le": [0xff, 0xfe], "utf-16be": [0xfe, 0xff] };
const OTHERS = { gb18030: [0xd7, 0xa1], big5: [0xc6, 0x40] }; // the last first byte, and the least second, of frequent ones
const LEAST_USUAL = 0.7;

// Rejected where it is no text in an encoding that is known here.
export async function textOf(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const marked = Object.keys(MARKS).find((name) => MARKS[name].every((byte, at) => bytes[at] === byte));
  const text = decoded(bytes, marked ?? "utf-8");
  if (text !== null) return text;
  const [best, share] = Object.keys(OTHERS).map((name) => [name, usual(bytes, name)]).sort((a, b) => b[1] - a[1])[0];
  if (!marked && share >= LEAST_USUAL) return decoded(bytes, best);
  throw new Error(`${file.name} is no text in UTF-8, UTF-16, GBK or Big5. Save it as UTF-8 first.`);
}

function decoded(bytes, encoding) {
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    return text.includes("\0") ? null : text;
  } catch {
    return null;
  }
}

// How many of the characters beyond ASCII are frequent ones; 0 where the bytes are not of this encoding.
function usual(bytes, encoding) {
  if (decoded(bytes, encoding) === null) return 0;
  const [last, least] = OTHERS[encoding];
  let all = 0, frequent = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    if (bytes[at] < 0x80) continue;
    all += 1;
    if (bytes[at] <= last && bytes[at + 1] >= least) frequent += 1;
    at += 1;
  }
  return frequent / all;
}
