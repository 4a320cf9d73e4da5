/** Splits bytes into UTF-8 lines. A line over the limit is skipped and counted, never buffered. */
import { StringDecoder } from "node:string_decoder";

export class LineSplitter {
  readonly #decoder = new StringDecoder("utf8");
  readonly #maxChars: number;
  #parts: string[] = [];
  #length = 0;
  #skipped = 0;

  constructor(maxChars: number) {
    this.#maxChars = maxChars;
  }

  /** How many lines were too long. */
  get skipped(): number {
    return this.#skipped;
  }

  push(bytes: Buffer): string[] {
    const lines: string[] = [];
    const pieces = this.#decoder.write(bytes).split("\n");
    for (const [index, piece] of pieces.entries()) {
      this.#add(piece);
      if (index < pieces.length - 1) this.#endLine(lines);
    }
    return lines;
  }

  #add(piece: string): void {
    this.#length += piece.length;
    if (this.#length > this.#maxChars) this.#parts = [];
    else if (piece !== "") this.#parts.push(piece);
  }

  #endLine(lines: string[]): void {
    if (this.#length > this.#maxChars) this.#skipped += 1;
    else if (this.#length > 0) lines.push(this.#parts.join(""));
    this.#parts = [];
    this.#length = 0;
  }
}
