/**
 * The Huffman code of HPACK, RFC 7541 appendix B. It is canonical: codes of one length are consecutive numbers in the order
 * of their symbols, so lengths say all.
 */
const SYMBOLS_BY_LENGTH: readonly (readonly [length: number, symbols: string | readonly number[]])[] = [
  [5, '012aceiost'],
  [6, ' %-./3456789=A_bdfghlmnpru'],
  [7, ':BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz'],
  [8, '&*,;XZ'],
  [10, '!"()?'],
  [11, "'+|"],
  [12, '#>'],
  [13, '\0$@[]~'],
  [14, '^}'],
  [15, '<`{'],
  [19, [92, 195, 208]],
  [20, [128, 130, 131, 162, 184, 194, 224, 226]],
  [21, [153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230]],
  [22, [129, 132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189, 190, 196, 198, 228, 232, 233]],
  [23, [1, 135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157, 158, 165, 166, 168, 174, 175, 180, 182, 183, 188, 191, 197, 231, 239]],
  [24, [9, 142, 144, 145, 148, 159, 171, 206, 215, 225, 236, 237]],
  [25, [199, 207, 234, 235]],
  [26, [192, 193, 200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255]],
  [27, [203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251, 252, 253, 254]],
  [28, [2, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127, 220, 249]],
  [30, [10, 13, 22, 256]],
];

/** End of string: its beginning is what a string is padded with, and it never occurs whole. */
const EOS = 256;

/**
 * The code as a machine that takes four bits at a time; no code is shorter than five, so a step yields one symbol at most.
 * A state is an inner node of the code's tree. An entry, at `state << 4 | bits`:
 *
 *     bits 0-7: the symbol   bit 8: there is one   bits 9-16: the next state   bit 17: this would be no string
 */
const HAS_SYMBOL = 1 << 8;
const STATE_SHIFT = 9;
const STATE_MASK = 0xff;
const BROKEN = 1 << 17;
const STEPS = makeSteps();
/** States in which a string may end: at most seven bits of padding, all ones (section 5.2). */
const FINAL = makeFinal();

/** No length means that it is no string of this code. */
export const NOT_HUFFMAN = -1;

/**
 * Decodes `data[start..end)` into `out`, which has room for 8/5 of it.
 * @returns the length of the string, or NOT_HUFFMAN
 */
export function decodeHuffman(data: Uint8Array, start: number, end: number, out: Uint8Array): number {
  let state = 0;
  let length = 0;
  for (let i = start; i < end; i++) {
    const byte = data[i]!;
    let step = STEPS[(state << 4) | (byte >> 4)]!;
    if ((step & HAS_SYMBOL) !== 0) out[length++] = step;
    const high = step;
    step = STEPS[(((step >> STATE_SHIFT) & STATE_MASK) << 4) | (byte & 15)]!;
    if ((step & HAS_SYMBOL) !== 0) out[length++] = step;
    if (((step | high) & BROKEN) !== 0) return NOT_HUFFMAN;
    state = (step >> STATE_SHIFT) & STATE_MASK;
  }
  return FINAL[state] === 1 ? length : NOT_HUFFMAN;
}

/** The tree: two children for each inner node; a leaf is the complement of its symbol. */
function makeTree(): number[] {
  const tree = [0, 0];
  let code = 0;
  let lastLength = 0;
  for (const [length, symbols] of SYMBOLS_BY_LENGTH) {
    code *= 2 ** (length - lastLength);
    lastLength = length;
    for (const symbol of typeof symbols === 'string' ? Buffer.from(symbols, 'latin1') : symbols) addCode(tree, code++, length, symbol);
  }
  return tree;
}

function addCode(tree: number[], code: number, length: number, symbol: number): void {
  let node = 0;
  for (let bit = length - 1; bit > 0; bit--) {
    const at = node * 2 + ((code >> bit) & 1);
    if (tree[at] === 0) {
      tree[at] = tree.length / 2;
      tree.push(0, 0);
    }
    node = tree[at]!;
  }
  tree[node * 2 + (code & 1)] = ~symbol;
}

function makeSteps(): Uint32Array {
  const tree = makeTree();
  const steps = new Uint32Array((tree.length / 2) * 16);
  for (let state = 0; state < tree.length / 2; state++) {
    for (let bits = 0; bits < 16; bits++) steps[(state << 4) | bits] = stepOf(tree, state, bits);
  }
  return steps;
}

function stepOf(tree: readonly number[], state: number, bits: number): number {
  let node = state;
  let symbol = -1;
  for (let bit = 3; bit >= 0; bit--) {
    node = tree[node * 2 + ((bits >> bit) & 1)]!;
    if (node >= 0) continue;
    symbol = ~node;
    if (symbol === EOS) return BROKEN;
    node = 0;
  }
  return (node << STATE_SHIFT) | (symbol < 0 ? 0 : HAS_SYMBOL | symbol);
}

function makeFinal(): Uint8Array {
  const tree = makeTree();
  const final = new Uint8Array(tree.length / 2);
  for (let node = 0, ones = 0; ones < 8; ones++, node = tree[node * 2 + 1]!) final[node] = 1;
  return final;
}
