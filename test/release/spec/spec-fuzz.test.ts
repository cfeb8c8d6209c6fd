/** Whatever the text, reading it ends with a release or with an error a person can act on. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { UsageError } from '../../../src/errors.ts';
import { readKubernetesYaml } from '../../../src/kubernetes/resources/yaml-documents.ts';
import { parseImageList } from '../../../src/release/spec/image-list.ts';
import { parseSpec } from '../../../src/release/spec/spec.ts';
import { formatStarter } from '../../../src/release/spec/starter.ts';
import { tries } from '../../helpers/effort.ts';

const STARTER = formatStarter();
const PIECES = [
  '\n',
  ' ',
  ':',
  '- ',
  '[',
  ']',
  '{',
  '}',
  '"',
  "'",
  '&a ',
  '*a',
  '!!x ',
  '? ',
  '|',
  '#',
  '\t',
  '\u0000',
  '\uFEFF',
  '---\n',
  '<<: ',
  '~',
  'é',
  '\ud800',
];

/** The starter with a few pieces put in, taken out or doubled. */
const mutatedStarter = fc
  .array(fc.tuple(fc.nat(STARTER.length), fc.nat(40), fc.constantFrom('', ...PIECES)), { minLength: 1, maxLength: 6 })
  .map((edits) =>
    edits.reduce((text, [at, length, piece]) => text.slice(0, at) + piece + text.slice(at + length), STARTER),
  );

function endsWell(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    expect((error as UsageError).message).toMatch(/^file\b/);
  }
}

it('a mutated release.yaml', () => {
  fc.assert(
    fc.property(mutatedStarter, (text) => endsWell(() => parseSpec(text, 'file.yaml'))),
    { numRuns: tries(300), seed: 1 },
  );
});

it('values of every kind in every place', () => {
  const document = fc.record(
    {
      apiVersion: fc.anything(),
      kind: fc.anything(),
      name: fc.anything(),
      version: fc.anything(),
      platforms: fc.oneof(fc.anything(), fc.array(fc.anything())),
      components: fc.array(
        fc.record(
          {
            name: fc.anything(),
            images: fc.oneof(
              fc.anything(),
              fc.array(fc.oneof(fc.anything(), fc.record({ reference: fc.anything(), platforms: fc.anything() }))),
            ),
            charts: fc.oneof(fc.anything(), fc.array(fc.anything())),
            files: fc.oneof(
              fc.anything(),
              fc.array(fc.record({ path: fc.anything(), integrity: fc.anything(), as: fc.anything() })),
            ),
          },
          { requiredKeys: [] },
        ),
      ),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(document, (value) => {
      let text: string | undefined;
      try {
        text = JSON.stringify(value);
      } catch {
        return;
      }
      endsWell(() => parseSpec(text, 'file.yaml'));
    }),
    { numRuns: tries(150), seed: 2 },
  );
});

it('any text as Kubernetes YAML or as an image list', () => {
  const text = fc
    .array(fc.oneof(fc.constantFrom(...PIECES, 'kind: Pod\n', 'apiVersion: v1\n', 'items: '), fc.string()))
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, (value) => {
      endsWell(() => readKubernetesYaml(value, 'file.yaml'));
      endsWell(() => parseImageList(value, 'file.txt'));
    }),
    { numRuns: tries(200), seed: 3 },
  );
});
