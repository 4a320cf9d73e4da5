/**
 * marked's tokens as React elements. Raw HTML is shown as text, nothing is loaded from elsewhere, and only
 * web and mail links can be followed: an agent's text may come from an untrusted source.
 */
import type { MarkedToken, Token, Tokens } from "marked";
import type { ReactNode } from "react";
import { CodeBlock } from "./code-block.tsx";
import { decodeEntities } from "./entities.ts";
import { toSafeLink } from "./safe-link.ts";

/** Deeper nesting is shown as source: it would exhaust the stack. */
const MAX_DEPTH = 24;

export function renderTokens(tokens: readonly Token[] | undefined, depth = 0): ReactNode {
  return tokens?.map((token, index) => <Node key={index} token={token as MarkedToken} depth={depth} />);
}

function Node({ token, depth }: { readonly token: MarkedToken; readonly depth: number }): ReactNode {
  if (depth > MAX_DEPTH) return token.raw;
  const inner = () => ("tokens" in token ? renderTokens(token.tokens, depth + 1) : null);
  switch (token.type) {
    case "paragraph":
      return <p>{inner()}</p>;
    case "text":
      return token.tokens === undefined ? decodeEntities(token.text) : inner();
    case "heading":
      return <Heading depth={token.depth}>{inner()}</Heading>;
    case "code":
      return <CodeBlock text={token.text} language={token.lang ?? ""} />;
    case "blockquote":
      return <blockquote>{inner()}</blockquote>;
    case "list":
      return <List list={token} depth={depth} />;
    case "table":
      return <Table table={token} depth={depth} />;
    case "hr":
      return <hr />;
    case "strong":
      return <strong>{inner()}</strong>;
    case "em":
      return <em>{inner()}</em>;
    case "del":
      return <del>{inner()}</del>;
    case "codespan":
      return <code>{token.text}</code>;
    case "br":
      return <br />;
    case "link":
      return <Link href={token.autolink === true ? token.href : decodeEntities(token.href)}>{inner()}</Link>;
    case "image":
      return <ImageLink image={token} />;
    case "escape":
      return token.text;
    case "space":
    case "def":
    case "checkbox":
      return null;
    default:
      return token.raw;
  }
}

function Heading({ depth, children }: { readonly depth: number; readonly children: ReactNode }) {
  if (depth <= 1) return <h3>{children}</h3>;
  if (depth === 2) return <h4>{children}</h4>;
  if (depth === 3) return <h5>{children}</h5>;
  return <h6>{children}</h6>;
}

function Link({ href, children }: { readonly href: string; readonly children: ReactNode }) {
  const safe = toSafeLink(href);
  if (safe === null) return <span title={href}>{children}</span>;
  return (
    <a href={safe} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  );
}

/** Loading it would reveal to its host what is being read. */
function ImageLink({ image }: { readonly image: Tokens.Image }) {
  return <Link href={decodeEntities(image.href)}>{`[image: ${decodeEntities(image.text) || "no description"}]`}</Link>;
}

function List({ list, depth }: { readonly list: Tokens.List; readonly depth: number }) {
  const items = list.items.map((item, index) => (
    <li key={index} className={item.task ? "check" : undefined}>
      {item.task && (
        <input
          type="checkbox"
          checked={item.checked === true}
          disabled
          readOnly
          aria-label={item.checked === true ? "done" : "not done"}
        />
      )}
      {item.task && " "}
      {renderTokens(item.tokens, depth + 1)}
    </li>
  ));
  if (!list.ordered) return <ul>{items}</ul>;
  return <ol start={list.start === "" ? undefined : list.start}>{items}</ol>;
}

function Table({ table, depth }: { readonly table: Tokens.Table; readonly depth: number }) {
  const cell = (Tag: "th" | "td") => (from: Tokens.TableCell, index: number) => (
    <Tag key={index} align={from.align ?? undefined}>
      {renderTokens(from.tokens, depth + 1)}
    </Tag>
  );
  return (
    <div className="table-scroll" tabIndex={0} role="group" aria-label="Table">
      <table>
        <thead>
          <tr>{table.header.map(cell("th"))}</tr>
        </thead>
        <tbody>
          {table.rows.map((row, index) => (
            <tr key={index}>{row.map(cell("td"))}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
