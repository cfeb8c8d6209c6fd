/** Statements are read in one spelling and up to a size, and held against the release in everything they say of it. */
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/oci/digest.ts';
import { CheckStatement, createCheckStatement } from '../../../src/trust/provenance/check-statement.ts';
import { BUILD_TYPE, type ProvenanceStatement } from '../../../src/trust/provenance/statement-schema.ts';
import {
  assertSubjects,
  checksumsSubject,
  imageSubjects,
  parseReleaseStatement,
  parseStatement,
  serializeStatement,
  STATEMENT_PAYLOAD_TYPE,
  type StatedRelease,
} from '../../../src/trust/provenance/statement.ts';

const MAX_BYTES = 1024 * 1024;
const checksums = sha256('checksums');
const release: StatedRelease = {
  name: 'demo',
  version: '1.0.0',
  channel: 'stable',
  platforms: ['linux/amd64', 'linux/arm64'],
  images: [
    { reference: 'r.example/a:1', digest: sha256('a') },
    { reference: 'r.example/a:latest', digest: sha256('a') },
    { reference: 'r.example/b:1', digest: sha256('b') },
  ],
  files: [],
};
const { name, version, channel, platforms } = release;

function statementOf(said: object = {}, subject = imageSubjects(release.images)): ProvenanceStatement {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [checksumsSubject(checksums), ...subject],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: { name, version, channel, platforms: [...platforms], specDigest: sha256('spec'), lockDigest: sha256('lock'), ...said }, // prettier-ignore
        internalParameters: { toolVersion: '0.1.0' },
        resolvedDependencies: [],
      },
      runDetails: { builder: { id: 'https://builder.example/' } },
    },
  };
}

const parse = (payload: Uint8Array): ProvenanceStatement => parseStatement(STATEMENT_PAYLOAD_TYPE, payload, 'slot 1');
const refused = (code: string, message: string): unknown =>
  expect.objectContaining({ code, message: expect.stringContaining(message) as string });

describe('a statement', () => {
  const text = serializeStatement(statementOf()).toString();

  it('is read as it was written, of an archive and of its kind alone', () => {
    expect(parse(Buffer.from(text))).toEqual(statementOf());
    expect(parseReleaseStatement(STATEMENT_PAYLOAD_TYPE, Buffer.from(text), 'slot 1')).toEqual(statementOf());
  });

  it.each([
    ['text/plain', text, 'slot 1 has a payload of type "text/plain"'],
    [STATEMENT_PAYLOAD_TYPE, 'null', 'slot 1 has the type nothing'],
    [
      STATEMENT_PAYLOAD_TYPE,
      text.replace('Statement/v1', 'Statement/v0.1'),
      'slot 1 has the type "https://in-toto.io/',
    ],
    [
      STATEMENT_PAYLOAD_TYPE,
      text.replace('slsa.dev/provenance/v1', 'slsa.dev/provenance/v0.2'),
      'has the predicate type',
    ],
  ])('of another kind (%s) is said to be one', (type, payload, message) => {
    expect(() => parseStatement(type, Buffer.from(payload), 'slot 1')).toThrow(refused('SUBJECT_MISMATCH', message));
  });

  it.each([
    ['is cut short', text.slice(0, -1), 'does not hold JSON'],
    ['has a space', text.replace(':', ': '), 'is not in canonical form'],
    [
      'says more than it may',
      text.replace('"toolVersion"', '"more":1,"toolVersion"'),
      'is not provenance of an archive',
    ],
  ])('that %s is refused', (_, payload, message) => {
    expect(() => parse(Buffer.from(payload))).toThrow(refused('SIGNATURE_INVALID', message));
  });

  it('is read up to a mebibyte', () => {
    const most = Buffer.from(text.padEnd(MAX_BYTES));
    expect(() => parse(most)).toThrow('is not in canonical form');
    expect(() => parse(Buffer.from(text.padEnd(MAX_BYTES + 1)))).toThrow('does not hold JSON');
  });
});

describe('what a statement says of the release', () => {
  const check = (...statements: readonly ProvenanceStatement[]): void => assertSubjects(statements, release, checksums, 'slot 1'); // prettier-ignore

  it('is taken where it is so, each image once, in one statement or in several', () => {
    const [a, b] = imageSubjects(release.images);
    expect([a?.name, b?.name]).toEqual(['r.example/a', 'r.example/b']);
    expect(() => check(statementOf())).not.toThrow();
    expect(() => check(statementOf({}, [a as NonNullable<typeof a>]), statementOf({}, [b as NonNullable<typeof b>]))).not.toThrow(); // prettier-ignore
  });

  it.each([
    ['name', 'other'],
    ['version', '1.0.1'],
    ['channel', 'beta'],
    ['platforms', ['linux/amd64']],
  ])('refuses the archive where the %s is another', (key, value) => {
    const message = `slot 1 gives the ${key} ${JSON.stringify(value)}, the archive ${JSON.stringify(release[key as 'name'])}`;
    expect(() => check(statementOf({ [key]: value }))).toThrow(refused('SUBJECT_MISMATCH', message));
  });

  it('refuses it where an image is missing, there twice, or another, and where it begins with another archive', () => {
    const subjects = imageSubjects(release.images);
    const [a] = subjects as [ProvenanceStatement['subject'][number]];
    const stranger = { name: 'r.example/c', digest: a.digest };
    expect(() => check(statementOf({}, [a]))).toThrow(
      refused('SUBJECT_MISMATCH', 'is not about the image r.example/b@'),
    );
    for (const more of [a, stranger]) {
      expect(() => check(statementOf({}, [...subjects, more]))).toThrow(
        refused('SUBJECT_MISMATCH', `names "${more.name}"`),
      );
    }
    const other = { ...statementOf(), subject: [checksumsSubject(sha256('other')), ...subjects] };
    expect(() => check(other)).toThrow(refused('SUBJECT_MISMATCH', 'is about another archive'));
  });

  it('refuses two that contradict each other', () => {
    const [a, b] = imageSubjects(release.images).map((subject) => [subject]);
    const other = statementOf({ specDigest: sha256('another') }, b);
    expect(() => check(statementOf({}, a), other)).toThrow(refused('SUBJECT_MISMATCH', 'contradicts another'));
  });
});

it('the statement of a check is about one file and at most eight', () => {
  const predicate = { verdict: 'pass', checkedAt: '2026-01-31T12:00:00Z', toolVersion: '1', profiles: ['a'], counts: { pass: 1, fail: 0, excepted: 0, notApplicable: 0 } } as const; // prettier-ignore
  const of = (count: number): boolean => {
    const files = Array.from({ length: count }, (_, nth) => ({ path: `f${nth}`, digest: sha256(`${nth}`) }));
    return CheckStatement.safeParse(createCheckStatement(files, { ...predicate, profiles: [...predicate.profiles] }))
      .success;
  };
  expect([0, 1, 8, 9].map(of)).toEqual([false, true, true, false]);
});
