/** What a failed task's menus offer: to be done with it, or not to be after all. */
export const attentionWords = (setAside: boolean): { readonly label: string; readonly hint?: string } =>
  setAside ? { label: "It needs somebody again" } : { label: "Set aside", hint: "it needs nobody any more" };
