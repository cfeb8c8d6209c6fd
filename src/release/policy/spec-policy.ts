/** The `imagePolicy` of a release.yaml: as the rest of the product sees it, and what is wrong with it as a whole. */
import { normalizePortablePath } from '../../base/portable-path.ts';
import type { Identity } from '../../trust/signatures/identity-schema.ts';
import type { SpecImageRule, SpecSigner } from './image-policy-schema.ts';
import type { YamlDocument, YamlPath } from '../../base/yaml-source.ts';
import { problem, type DocumentProblem } from '../../base/schemas/document-problems.ts';

/** One who may have signed: the owner of a key, or an identity that a certificate names. */
export type SignerSpec = (
  | {
      /** Path of the public key, relative to the release.yaml. */
      readonly key: string;
    }
  | {
      readonly identity: Identity;
      /** Path of what its certificates are checked by. */
      readonly trustedRoot: string;
    }
) & {
  /** Where it was written: `release.yaml:14:9`. */
  readonly at: string;
};

/** Which images it is for, and who has to have signed them. */
export interface ImageRule {
  /** See `parseImagePattern`. */
  readonly match: string;
  /** Empty: these images need no signature. */
  readonly signedBy: readonly SignerSpec[];
  /** How many different ones have to have signed; 0 where none has to. */
  readonly threshold: number;
  readonly at: string;
}

/** Normalises a policy. `at` says where a place of the document was written. */
export function toImageRules(rules: readonly SpecImageRule[], at: (path: YamlPath) => string): readonly ImageRule[] {
  return rules.map(({ match, signedBy = [], threshold = 1 }, index) => ({
    match,
    signedBy: signedBy.map((signer, position) => toSigner(signer, at(['imagePolicy', index, 'signedBy', position]))),
    threshold: signedBy.length === 0 ? 0 : threshold,
    at: at(['imagePolicy', index]),
  }));
}

/** The schema insists on a key, or on an issuer, a trusted root and one of the two forms of a subject. */
function toSigner(
  { key, issuer = '', subject, subjectPattern = '', trustedRoot = '' }: SpecSigner,
  at: string,
): SignerSpec {
  if (key !== undefined) return { key: normalizePortablePath(key), at };
  const identity = subject === undefined ? { issuer, subjectPattern } : { issuer, subject };
  return { identity, trustedRoot: normalizePortablePath(trustedRoot), at };
}

/** The files a policy names, with their places in the document. */
export function listPolicyPaths(rules: readonly ImageRule[] = []): readonly { path: string; place: YamlPath }[] {
  return rules.flatMap(({ signedBy }, index) =>
    signedBy.map((signer, position) => {
      const [field, path] = 'key' in signer ? ['key', signer.key] : ['trustedRoot', signer.trustedRoot];
      return { path, place: ['imagePolicy', index, 'signedBy', position, field] };
    }),
  );
}

/** Patterns and keys that stand there twice, and evidence that is needed and ignored. Works on documents that are wrong elsewhere too. */
export function findPolicyFaults(document: YamlDocument): readonly DocumentProblem[] {
  const { imagePolicy, evidence } = fieldsOf(document.value);
  if (imagePolicy === undefined) return [];
  const problems: DocumentProblem[] = [];
  if (evidence === 'ignore') {
    const message = 'would leave behind the signatures that imagePolicy checks';
    problems.push(
      problem(document.locate(['evidence']), ['evidence'], message, 'write carry, or drop the imagePolicy'),
    );
  }
  const patterns = new Map<string, number>();
  listOf(imagePolicy).forEach((rule, index) => {
    const { match, signedBy } = fieldsOf(rule);
    findRepeated(document, ['imagePolicy', index, 'match'], 'pattern', match, patterns, problems);
    const keys = new Map<string, number>();
    listOf(signedBy).forEach((signer, position) => {
      const { key } = fieldsOf(signer);
      const path = typeof key === 'string' ? normalizePortablePath(key) : undefined;
      findRepeated(document, ['imagePolicy', index, 'signedBy', position, 'key'], 'key', path, keys, problems);
    });
  });
  return problems;
}

function findRepeated(
  document: YamlDocument,
  path: YamlPath,
  what: string,
  value: unknown,
  seen: Map<string, number>,
  problems: DocumentProblem[],
): void {
  if (typeof value !== 'string') return;
  const position = document.locate(path);
  const line = seen.get(value);
  if (line === undefined) seen.set(value, position.line);
  else problems.push(problem(position, path, `duplicate ${what} ${value}, already in line ${line}`));
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
