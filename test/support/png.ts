/** Reads the PNG files that browsers write: 8 bits a channel, not interlaced. */
import { inflateSync } from "node:zlib";

export interface Picture {
  width: number;
  height: number;
  /** Red, green and blue of the pixel at (x, y). */
  at(x: number, y: number): [number, number, number];
}

const SIGNATURE = "89504e470d0a1a0a";

export function readPng(file: Buffer): Picture {
  if (file.subarray(0, 8).toString("hex") !== SIGNATURE) throw new Error("not a PNG file");
  const data: Buffer[] = [];
  let header = file.subarray(0, 0);
  for (let at = 8; at < file.length; at += 12 + file.readUInt32BE(at)) {
    const type = file.toString("latin1", at + 4, at + 8);
    const content = file.subarray(at + 8, at + 8 + file.readUInt32BE(at));
    if (type === "IHDR") header = content;
    if (type === "IDAT") data.push(content);
  }
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const channels = { 2: 3, 6: 4 }[header[9]!];
  if (header[8] !== 8 || channels === undefined || header[12] !== 0) throw new Error("a PNG of another kind");
  const row = width * channels;
  const lines = inflateSync(Buffer.concat(data));
  const pixels = new Uint8Array(height * row);
  for (let y = 0; y < height; y++) {
    const filter = lines[y * (row + 1)]!;
    for (let x = 0; x < row; x++) {
      const to = y * row + x;
      const left = x < channels ? 0 : pixels[to - channels]!;
      const up = y === 0 ? 0 : pixels[to - row]!;
      const corner = x < channels || y === 0 ? 0 : pixels[to - row - channels]!;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter]!;
      pixels[to] = lines[y * (row + 1) + 1 + x]! + guess;
    }
  }
  const at = (x: number, y: number): [number, number, number] => {
    const from = y * row + x * channels;
    return [pixels[from]!, pixels[from + 1]!, pixels[from + 2]!];
  };
  return { width, height, at };
}

/** Of the three neighbours the one that is nearest to left + up - corner. */
function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}
