/** The one place where HTML is set as it is: highlight.js', which escapes every text that it was given. */

export function CodeHtml({ html }: { readonly html: string }) {
  return <span dangerouslySetInnerHTML={{ __html: html }} />;
}
