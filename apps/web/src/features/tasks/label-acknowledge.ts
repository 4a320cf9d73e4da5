/** What a failed task's menus offer: to be done with it, or not to be after all. */
export const labelAcknowledge = (acknowledged: boolean): { readonly label: string; readonly hint?: string } =>
  acknowledged ? { label: "Needs attention again" } : { label: "Acknowledge", hint: "no longer needs attention" };
