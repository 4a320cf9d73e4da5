/** Grey shapes of what is to come. `lines` are widths in percent. */
import { After } from "./after.tsx";

interface SkeletonProps {
  readonly label: string;
  readonly lines: readonly number[];
  readonly className?: string;
}

export function Skeleton({ label, lines, className = "" }: SkeletonProps) {
  return (
    <After>
      <div role="status" aria-label={label} className={`flex flex-col gap-3 ${className}`}>
        {lines.map((width, index) => (
          <div key={index} className="skeleton h-4" style={{ width: `${width}%` }} />
        ))}
      </div>
    </After>
  );
}
