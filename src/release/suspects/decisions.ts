/** The decisions of a release.yaml about images, as the rest of the product sees them. */
import type { z } from 'zod';
import type { YamlDocument, YamlPath } from '../../base/yaml-source.ts';
import { parsePlacePath, type PlaceRule } from '../../kubernetes/resources/place-path.ts';
import { problem, type DocumentProblem } from '../../base/schemas/document-problems.ts';
import { parseDecisionPattern, type DecisionPattern } from './decision-pattern.ts';
import type { SpecAccept, SpecDismiss, SpecPlaceRule } from './decision-schema.ts';

/** One entry of `accept` or `dismiss`. */
export interface SuspectDecision {
  /** The reference or pattern, as it was written. */
  readonly image: string;
  readonly pattern: DecisionPattern;
  readonly reason?: string | undefined;
  /** Where it was written: `release.yaml:14:9`. */
  readonly at: string;
}

/** One entry of `rules`. */
export interface WrittenRule extends PlaceRule {
  readonly at: string;
}

/** All that a release.yaml decides about images beside those it lists. */
export interface ImageDecisions {
  /** Suspects that are carried. */
  readonly accept: readonly SuspectDecision[];
  /** Suspects that are not; each has a reason. */
  readonly dismiss: readonly SuspectDecision[];
  /** More places that hold images. */
  readonly rules: readonly WrittenRule[];
}

/** Of a release that decides nothing. */
export const NO_DECISIONS: ImageDecisions = { accept: [], dismiss: [], rules: [] };

interface WrittenDecisions {
  readonly accept?: readonly (string | z.infer<typeof SpecAccept>)[] | undefined;
  readonly dismiss?: readonly z.infer<typeof SpecDismiss>[] | undefined;
  readonly rules?: readonly z.infer<typeof SpecPlaceRule>[] | undefined;
}

/** Normalises the three lists. `at` says where a place of the document was written. */
export function toDecisions(written: WrittenDecisions, at: (path: YamlPath) => string): ImageDecisions {
  const { accept = [], dismiss = [], rules = [] } = written;
  const decide = (field: string, entry: string | z.infer<typeof SpecAccept>, index: number): SuspectDecision => {
    const { image, reason } = typeof entry === 'string' ? { image: entry } : entry;
    return {
      image,
      pattern: parseDecisionPattern(image),
      ...(reason === undefined ? {} : { reason }),
      at: at([field, index]),
    };
  };
  return {
    accept: accept.map((entry, index) => decide('accept', entry, index)),
    dismiss: dismiss.map((entry, index) => decide('dismiss', entry, index)),
    rules: rules.map(({ path, ...rest }, index) => ({ ...rest, path: parsePlacePath(path), at: at(['rules', index]) })),
  };
}

/** One image that is decided about twice. Works on documents that are wrong elsewhere too. */
export function findDecisionFaults(document: YamlDocument): readonly DocumentProblem[] {
  const seen = new Map<string, { readonly line: number; readonly field: string }>();
  return ['accept', 'dismiss'].flatMap((field) =>
    listOf(fieldOf(document.value, field)).flatMap((entry, index) => {
      const image = typeof entry === 'string' ? entry : fieldOf(entry, 'image');
      if (typeof image !== 'string') return [];
      const path = [field, index];
      const position = document.locate(path);
      const before = seen.get(image);
      if (before === undefined) {
        seen.set(image, { line: position.line, field });
        return [];
      }
      const what = before.field === field ? 'already' : 'accepted';
      return [problem(position, path, `${image} is ${what} in line ${before.line}`, 'decide once')];
    }),
  );
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
