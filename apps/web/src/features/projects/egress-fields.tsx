/** Which hosts a project's workspaces may connect to. */
import type { EgressMode, EgressPolicy } from "@samovar/contracts";
import { EGRESS_MODES } from "@samovar/contracts";
import { DEFAULT_EGRESS_HOSTS } from "@samovar/domain/egress-hosts";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { clsx } from "clsx";
import { useId, useState } from "react";
import { nodesQuery } from "../../api/nodes.ts";
import { CONTROL } from "../../ui/field.tsx";
import { Fold } from "../../ui/fold.tsx";

const MODES: Readonly<Record<EgressMode, { readonly label: string; readonly about: string }>> = {
  open: { label: "Open", about: "Every host on the Internet. Hosts of private networks only if they are listed." },
  "allow-list": { label: "Allow-list", about: "Only the hosts below and the usual package registries and git hosts." },
  none: { label: "None", about: "No host. The agent still reaches its model, which does not need the network." },
};

const LISTS: Readonly<Record<Exclude<EgressMode, "none">, { readonly label: string; readonly hint: string }>> = {
  open: { label: "Hosts of private networks", hint: "One a line, such as db.internal:5432 or 10.0.0.7." },
  "allow-list": {
    label: "Allowed hosts",
    hint: "One a line: registry.example.com, *.example.com for all names below it, or example.com:8443.",
  },
};

interface EgressFieldsProps {
  readonly egress: EgressPolicy;
  readonly fault: string | undefined;
}

export function EgressFields({ egress, fault }: EgressFieldsProps) {
  const [mode, setMode] = useState(egress.mode);
  return (
    <fieldset id="network" className="flex flex-col gap-2">
      <legend className="pb-1 text-small font-medium text-ink-2">Network access</legend>
      {EGRESS_MODES.map((each) => (
        <label key={each} className="flex items-start gap-2 text-ui pointer-coarse:min-h-11">
          <input
            type="radio"
            name="egressMode"
            value={each}
            checked={mode === each}
            onChange={() => setMode(each)}
            className="mt-1 size-4 shrink-0 accent-accent"
          />
          <span>
            {MODES[each].label}
            <span className="block text-small text-ink-3">{MODES[each].about}</span>
          </span>
        </label>
      ))}
      <HostList mode={mode} hosts={egress.hosts} fault={fault} />
      {mode === "allow-list" && <Defaults />}
      <Enforcement />
    </fieldset>
  );
}

/** Stays in the form while it is hidden, so that a change of the mode alone keeps the list. */
function HostList({
  mode,
  hosts,
  fault,
}: {
  readonly mode: EgressMode;
  readonly hosts: readonly string[];
  readonly fault: string | undefined;
}) {
  const id = useId();
  const { label, hint } = LISTS[mode === "none" ? "allow-list" : mode];
  return (
    <div hidden={mode === "none"} className={clsx("flex-col gap-1", mode !== "none" && "flex")}>
      <label htmlFor={id} className="text-small font-medium text-ink-2">
        {label}
      </label>
      <textarea
        id={id}
        name="egressHosts"
        rows={3}
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        defaultValue={hosts.join("\n")}
        aria-invalid={fault !== undefined}
        aria-describedby={`${id}-note`}
        className={clsx(CONTROL, "max-h-60 resize-y py-1.5 font-mono [field-sizing:content]")}
      />
      <p id={`${id}-note`} className={clsx("text-small", fault === undefined ? "text-ink-3" : "text-failed")}>
        {fault ?? hint}
      </p>
    </div>
  );
}

function Defaults() {
  const [open, setOpen] = useState(false);
  return (
    <Fold
      open={open}
      onToggle={() => setOpen(!open)}
      line={<span className="text-ink-2">Always allowed: {DEFAULT_EGRESS_HOSTS.length} hosts</span>}
    >
      <ul className="columns-1 font-mono text-code text-ink-3 tablet:columns-2">
        {DEFAULT_EGRESS_HOSTS.map((host) => (
          <li key={host} className="break-inside-avoid wrap-anywhere">
            {host}
          </li>
        ))}
      </ul>
    </Fold>
  );
}

/** Says where the setting has no effect, as far as the nodes have reported it. */
function Enforcement() {
  const { data: nodes } = useQuery(nodesQuery);
  const without = (nodes ?? []).filter(({ runtime, state }) => state !== "destroyed" && runtime?.kind === "process");
  return (
    <p className="text-small text-ink-3">
      Enforced where nodes run agents in a sandbox; new sessions use it.{" "}
      {without.length > 0 && (
        <span className="text-working">
          {without.length === 1 ? "1 node has" : `${without.length} nodes have`} no sandbox, so agents there can connect
          to any host.{" "}
        </span>
      )}
      <Link to="/nodes" className="text-accent underline">
        See Nodes
      </Link>
    </p>
  );
}
