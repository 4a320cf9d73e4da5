/** highlight.js' HTML cut into lines, each whole in itself: a span that goes over a line's end is closed and opened again. */

const TOKEN = /<span class="[^"]*">|<\/span>|\n/g;

export function splitHtmlLines(html: string): readonly string[] {
  const lines: string[] = [];
  const open: string[] = [];
  let line = "";
  let from = 0;
  for (const { 0: token, index } of html.matchAll(TOKEN)) {
    line += html.slice(from, index);
    from = index + token.length;
    if (token === "\n") {
      lines.push(line + "</span>".repeat(open.length));
      line = open.join("");
      continue;
    }
    if (token === "</span>") open.pop();
    else open.push(token);
    line += token;
  }
  lines.push(line + html.slice(from));
  return lines;
}
