/** What git may do in a checkout beyond the plain files, each with what it allows. */
import type { CheckoutOptions } from "@samovar/contracts";

const OPTIONS: readonly {
  readonly name: keyof CheckoutOptions;
  readonly label: string;
  readonly about: string;
}[] = [
  { name: "submodules", label: "Submodules", about: "Fetches the repository's submodules." },
  { name: "lfs", label: "Git LFS", about: "Fetches large files with git-lfs, which the node must have." },
  { name: "hooks", label: "Hooks", about: "Runs the repository's hooks when Samovar commits and pushes." },
];

export function CheckoutFields({ checkout }: { readonly checkout: CheckoutOptions }) {
  return (
    <fieldset className="flex flex-col gap-2">
      <legend className="pb-1 text-small font-medium text-ink-2">Checkout</legend>
      {OPTIONS.map(({ name, label, about }) => (
        <label key={name} className="flex items-start gap-2 text-ui pointer-coarse:min-h-11">
          <input type="checkbox" name={name} defaultChecked={checkout[name]} className="mt-1 size-4 accent-accent" />
          <span>
            {label}
            <span className="block text-small text-ink-3">{about}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
