/** Lines of small random releases, each made from the one before as updates are: the same seed, the same bytes. */
import { createHash } from 'node:crypto';
import { makeRelease, type SampleRelease } from '../sample-release.ts';
import { makeImage, makeIndex, type SampleNode } from '../../helpers/sample-image.ts';
import { makeLayer, noise, type SampleLayer } from '../../helpers/sample-layer.ts';

/** Numbers that look random and are the same for the same seed. */
export type Chance = (below: number) => number;

/** A source of them. */
export function chanceOf(seed: string): Chance {
  let count = 0;
  return (below) => createHash('sha256').update(`${seed} ${count++}`).digest().readUInt32BE() % below;
}

const PLATFORMS = ['linux/amd64', 'linux/arm64'];

/** What one image is made of, by the names of its layers. */
interface Recipe {
  readonly tag: string;
  readonly layers: readonly string[];
  readonly isIndex: boolean;
}

/** `1.0.0`, `1.1.0` and so on: images change their upper layers, their base, their tag or their name, come and go. */
export async function makeReleaseLine(seed: string, length: number): Promise<readonly SampleRelease[]> {
  const chance = chanceOf(seed);
  const line: SampleRelease[] = [];
  let images: Readonly<Record<string, Recipe>> = {};
  for (let index = 0; index < 2 + chance(3); index++) images = { ...images, [`app-${index}`]: freshImage(chance) };
  for (let minor = 0; minor < length; minor++) {
    if (minor > 0) images = updated(images, chance);
    const version = `1.${minor}.0`;
    const nodes = Object.entries(images).map(([name, recipe]) => [`registry.example/team/${name}:${recipe.tag}`, nodeOf(recipe)] as const); // prettier-ignore
    const files = {
      'docs/readme.txt': `release ${version} of ${seed}\n`,
      'docs/same.txt': 'the same\n',
      'docs/empty.txt': '',
    };
    line.push(await makeRelease({ version, images: Object.fromEntries(nodes.sort(([a], [b]) => (a < b ? -1 : 1))), files })); // prettier-ignore
  }
  return line;
}

function freshImage(chance: Chance): Recipe {
  const own = Array.from({ length: 1 + chance(3) }, () => `layer ${chance(6)}`);
  // A layer may be there twice.
  return { tag: `${chance(9)}`, layers: ['base', ...own], isIndex: chance(3) > 0 };
}

function updated(images: Readonly<Record<string, Recipe>>, chance: Chance): Readonly<Record<string, Recipe>> {
  const next = Object.entries(images).map(([name, recipe]): [string, Recipe] => {
    const [base = 'base', ...own] = recipe.layers;
    const changes: readonly (() => [string, Recipe])[] = [
      () => [name, recipe],
      () => [name, { ...recipe, tag: `${recipe.tag}1` }],
      () => [name, { ...recipe, layers: [base, ...own.slice(0, -1), `changed ${chance(99)}`] }],
      () => [name, { ...recipe, layers: [`${base} patched`, ...own] }],
      () => [`${name}-renamed`, recipe],
      () => [name, freshImage(chance)],
    ];
    return changes[chance(changes.length)]?.() ?? [name, recipe];
  });
  return {
    ...Object.fromEntries(next.slice(next.length > 2 ? chance(2) : 0)),
    [`new-${chance(99)}`]: freshImage(chance),
  };
}

function nodeOf({ layers, isIndex }: Recipe): SampleNode {
  const made = layers.map(layerOf);
  if (!isIndex) return makeImage({ layers: made });
  return makeIndex(PLATFORMS.map((platform) => makeImage({ platform, layers: [...made, layerOf(`for ${platform}`)] })));
}

function layerOf(name: string): SampleLayer {
  return makeLayer({ [`data/${name.replaceAll(' ', '-')}`]: noise(name, 600) }, { compression: 'none' });
}
