/** Paths to places in resources, as a person writes them. */
import { describe, expect, it } from 'vitest';
import { formatPath } from '../../../src/kubernetes/resources/image-places.ts';
import { findAt, parsePlacePath } from '../../../src/kubernetes/resources/place-path.ts';

const RESOURCE = {
  metadata: { annotations: { 'acme.io/image': 'a' } },
  spec: { image: 'b', workers: [{ image: 'c' }, { image: 'd' }, 1], parts: { x: { image: 'e' }, y: null } },
};

describe('a path', () => {
  it.each([
    ['spec.image', ['spec.image=b']],
    ['.spec.image', ['spec.image=b']],
    ['spec.workers[*].image', ['spec.workers[0].image=c', 'spec.workers[1].image=d']],
    ['spec.workers[1].image', ['spec.workers[1].image=d']],
    ['spec.parts.*.image', ['spec.parts.x.image=e']],
    ['metadata.annotations["acme.io/image"]', ['metadata.annotations["acme.io/image"]=a']],
    ['metadata.annotations.*', ['metadata.annotations["acme.io/image"]=a']],
    ['spec.workers.*', []],
    ['spec.other.image', []],
    ['spec.constructor', []],
  ])('%s leads to %j', (text, expected) => {
    const found = findAt(RESOURCE, parsePlacePath(text)).map(
      ({ path, value }) => `${formatPath(path)}=${String(value)}`,
    );
    expect(found).toEqual(expected);
  });

  it.each(['', '.', 'spec.', 'spec..a', 'spec[', 'spec[x]', 'spec["a]', 'spec image', '$.spec x', 'a'.repeat(600)])(
    '%j is refused',
    (text) => expect(() => parsePlacePath(text)).toThrow(/is no path to a place/),
  );
});
