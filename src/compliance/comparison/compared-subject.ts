/** What a comparison looks at: a subject of a report, as far as it can be found again in another report. */
import type { Verdict } from '../evaluate.ts';

/** What an object is called, in a release and in a cluster. */
export interface ObjectName {
  readonly kind: string;
  /** Absent for objects of the whole cluster, and for those of a release that leave it to the installation. */
  readonly namespace?: string | undefined;
  /** Empty for an object that is missing. */
  readonly name: string;
}

/** A place at which a rule is not met. */
export interface ComparedPlace extends ObjectName {
  readonly field: string;
  readonly message: string;
  readonly exception?: { readonly expired: boolean } | undefined;
}

/** One rule of a subject, and what became of it. */
export interface ComparedResult {
  /** Its id. */
  readonly rule: string;
  readonly verdict: Verdict;
  readonly violations: readonly ComparedPlace[];
}

/** A subject whose objects are known. */
export interface ComparedObjects {
  readonly name: string;
  /** Whether these are objects of a cluster that runs: they may be those of several subjects of a release. */
  readonly live: boolean;
  readonly objects: readonly ObjectName[];
}

/** A subject that was checked. */
export interface ComparedSubject extends ComparedObjects {
  readonly results: readonly ComparedResult[];
}
