/**
 * Splits server-sent events that arrive in pieces cut anywhere into the data of each event. Bounded: an event whose data is
 * longer than the limit is skipped. Pure.
 */
import { StringDecoder } from "node:string_decoder";

export class EventStream {
  readonly #maxChars: number;
  readonly #onData: (data: string) => void;
  /** Keeps the bytes of a character that is cut by the end of a piece. */
  readonly #decoder = new StringDecoder("utf8");
  #line = "";
  #data = "";
  #hasData = false;
  /** The event is too long; it is skipped to its end. */
  #skips = false;
  #afterCarriageReturn = false;

  constructor(maxChars: number, onData: (data: string) => void) {
    this.#maxChars = maxChars;
    this.#onData = onData;
  }

  push(bytes: Buffer): void {
    this.#read(this.#decoder.write(bytes));
  }

  /** The last event may lack the empty line that ends it. */
  end(): void {
    this.#read(this.#decoder.end());
    if (this.#line !== "") this.#endLine();
    this.#endEvent();
  }

  #read(text: string): void {
    let from = 0;
    if (this.#afterCarriageReturn && text.startsWith("\n")) from = 1;
    if (text !== "") this.#afterCarriageReturn = text.endsWith("\r");
    const end = /\r\n|\n|\r/g;
    end.lastIndex = from;
    for (let found = end.exec(text); found !== null; found = end.exec(text)) {
      this.#grow(text.slice(from, found.index));
      this.#endLine();
      from = end.lastIndex;
    }
    this.#grow(text.slice(from));
  }

  #grow(text: string): void {
    if (this.#line.length + text.length > this.#maxChars) {
      this.#skips = true;
      this.#line = this.#line.slice(0, 1) || text.slice(0, 1);
    } else this.#line += text;
  }

  #endLine(): void {
    const line = this.#line;
    this.#line = "";
    if (line === "") return this.#endEvent();
    if (this.#skips || !/^data(:|$)/.test(line)) return;
    const data = line.slice(5).replace(/^ /, "");
    if (this.#data.length + data.length > this.#maxChars) this.#skips = true;
    else this.#data = this.#hasData ? `${this.#data}\n${data}` : data;
    this.#hasData = true;
  }

  #endEvent(): void {
    const data = this.#data;
    const isWhole = this.#hasData && !this.#skips;
    this.#data = "";
    this.#hasData = false;
    this.#skips = false;
    if (isWhole) this.#onData(data);
  }
}
