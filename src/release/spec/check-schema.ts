/** `check` of a release.yaml: by which rules its configuration is checked when it is built, and where exceptions are. */
import * as z from 'zod';
import { PathText } from '../../base/schemas/path-text.ts';
import { normalizePortablePath } from '../../base/portable-path.ts';
import { problem, type DocumentProblem } from '../../base/schemas/document-problems.ts';
import type { YamlDocument } from '../../base/yaml-source.ts';
import { CHECK_PROFILES } from '../deployment/deploy-document.ts';
import type { ChartSpec } from './chart-spec.ts';

const MAX_LIST = 1000;

/** What is asked of some of what a release deploys. */
export const SpecCheckDemand = z
  .strictObject({
    values: z
      .array(z.string().min(1).max(512))
      .min(1)
      .max(MAX_LIST)
      .optional()
      .describe('Names of sets of values. Left out: every set, and the manifests.'),
    profiles: z
      .array(z.enum(CHECK_PROFILES))
      .max(CHECK_PROFILES.length)
      .optional()
      .describe('Rules beside the general ones.'),
  })
  .describe('What is asked of charts with these values.');

/** The whole of `check`. */
export const SpecCheck = z
  .strictObject({
    rules: z
      .array(PathText)
      .max(MAX_LIST)
      .optional()
      .describe('Files of rules and exceptions, as airgap check --rules takes them.'),
    demands: z
      .array(SpecCheckDemand)
      .min(1)
      .max(MAX_LIST)
      .optional()
      .describe('Which rules are asked of what. Left out: the general rules, of everything.'),
  })
  .describe('Rules that what the release deploys has to meet before it is built.');

/** `check`, as the rest of the product sees it. */
export interface CheckSpec {
  /** Relative to the release.yaml. */
  readonly rules: readonly string[];
  readonly demands: readonly CheckDemand[];
}

/** One demand. Without `values` it is of everything. */
export interface CheckDemand {
  readonly values?: readonly string[] | undefined;
  readonly profiles: readonly (typeof CHECK_PROFILES)[number][];
}

/** Normalises what was written. */
export function toCheckSpec({ rules = [], demands = [{}] }: z.infer<typeof SpecCheck>): CheckSpec {
  return {
    rules: rules.map(normalizePortablePath),
    demands: demands.map(({ values, profiles = [] }) => ({ ...(values === undefined ? {} : { values }), profiles })),
  };
}

/** Names of sets of values that no chart has. */
export function findCheckFaults(
  check: CheckSpec | undefined,
  components: readonly { readonly charts: readonly ChartSpec[] }[],
  document: YamlDocument,
): readonly DocumentProblem[] {
  const known = new Set(
    components.flatMap(({ charts }) => charts.flatMap(({ values }) => values.map(({ name }) => name))),
  );
  return (check?.demands ?? []).flatMap(({ values = [] }, index) =>
    values.flatMap((name, position) => {
      if (known.has(name)) return [];
      const at = ['check', 'demands', index, 'values', position];
      const hint = known.size === 0 ? 'no chart has values' : `the sets are ${[...known].slice(0, 20).join(', ')}`;
      return [problem(document.locate(at), at, `no chart has a set of values called ${name.slice(0, 100)}`, hint)];
    }),
  );
}
