/** A manifest taken apart: every document with its template, and nothing lost. */
import { expect, test } from 'vitest';
import { joinDocuments, splitManifest } from '../../../src/kubernetes/rendering/rendered-documents.ts';

test('each heading begins a document; other separators are part of one', () => {
  const crd = 'a: 1\n---\nb: 2\n';
  expect(splitManifest(`---\n# Source: x/crds/a.yaml\n${crd}---\n# Source: x/templates/b c.yaml\nc: 3\n`)).toEqual([
    { source: 'x/crds/a.yaml', text: crd },
    { source: 'x/templates/b c.yaml', text: 'c: 3\n' },
  ]);
});

test('a comment that looks like a heading within a document is none', () => {
  expect(splitManifest('---\n# Source: x/a.yaml\n# Source: y/b.yaml\na: |\n  ---\n  # Source: z/c.yaml\n')).toEqual([
    { source: 'x/a.yaml', text: '# Source: y/b.yaml\na: |\n  ---\n  # Source: z/c.yaml\n' },
  ]);
});

test('line breaks that only newer Helms leave are taken off; files of crds/ stay as they are', () => {
  const documents = splitManifest(
    '---\n# Source: x/crds/a.yaml\na: 1\n\n\n---\n# Source: x/templates/b.yaml\nb: 2\n\n---\n# Source: x/charts/y/templates/c.yaml\nc: 3\n',
  );
  expect(documents.map(({ text }) => text)).toEqual(['a: 1\n\n\n', 'b: 2\n', 'c: 3\n']);
  expect(splitManifest(joinDocuments(documents))).toEqual(documents);
});

test('a chart that renders to nothing has no documents', () => {
  expect(splitManifest('\n')).toEqual([]);
  expect(joinDocuments([])).toBe('\n');
});
