/** What a corpus consists of: images that share the layers of a few bases, sized as real ones are. */

/** Of the whole corpus, which images and how large. */
export interface CorpusParameters {
  /** Repositories; each has one tag with one image per platform. */
  readonly images: number;
  readonly platforms: readonly string[];
  /** About how many unique megabytes (10^6) of blobs in all. */
  readonly sizeMb: number;
  readonly content: 'mixed' | 'zeros';
}

/** One layer, known by what it is made from. */
export interface LayerPlan {
  readonly seed: string;
  /** bytes */
  readonly size: number;
}

/** One image of one platform. */
export interface ImagePlan {
  readonly repository: string;
  readonly platform: string;
  /** Bases first. */
  readonly layers: readonly LayerPlan[];
}

/** Megabytes of the layers of each base; the second builds on the first. */
const BASES = { system: [29], runtime: [18, 48], toolkit: [110] } as const;
/** Megabytes of each image's own large layer (dependencies) and middle one (the program). */
const DEPENDENCIES = [140, 80, 64, 44, 32, 26, 22, 18, 16, 12, 10, 8] as const;
const PROGRAMS = [14, 12, 10, 10, 9, 8, 8, 7, 6, 6, 5, 4] as const;
/** Kilobytes of the many small layers: configuration, scripts, certificates. */
const SMALL_KB = [1, 4, 16, 64, 250, 900] as const;
const BASE_CHAINS = [
  ['system'],
  ['system', 'runtime'],
  ['toolkit'],
] as const satisfies readonly (readonly (keyof typeof BASES)[])[];

/** Lays out every image of a corpus. */
export function planImages(parameters: CorpusParameters): readonly ImagePlan[] {
  const scale = parameters.sizeMb / nominalMb(parameters);
  const bytes = (mb: number): number => Math.max(1_000, Math.round(mb * scale * 1e6));
  return Array.from({ length: parameters.images }, (_, index) => index).flatMap((index) =>
    parameters.platforms.map((platform) => {
      const name = `image-${String(index + 1).padStart(2, '0')}`;
      const own = `${name}/${platform}`;
      const chain = BASE_CHAINS[index % BASE_CHAINS.length] ?? [];
      const bases = chain.flatMap((base) =>
        BASES[base].map((mb, part): LayerPlan => ({ seed: `${base}-${part}/${platform}`, size: bytes(mb) })),
      );
      const small = Array.from({ length: 3 }, (_small, part): LayerPlan => {
        const kb = SMALL_KB[(index + 2 * part) % SMALL_KB.length] ?? 1;
        return { seed: `${own}/small-${part}`, size: kb * 1000 };
      });
      const large: LayerPlan = { seed: `${own}/dependencies`, size: bytes(dependenciesMb(index)) };
      const program: LayerPlan = { seed: `${own}/program`, size: bytes(programMb(index)) };
      return { repository: `bench/${name}`, platform, layers: [...bases, large, ...small, program] };
    }),
  );
}

function nominalMb({ images, platforms }: CorpusParameters): number {
  const bases = Object.values(BASES).flat();
  const own = Array.from({ length: images }, (_, index) => dependenciesMb(index) + programMb(index));
  return platforms.length * [...bases, ...own].reduce((sum, mb) => sum + mb, 0);
}

function dependenciesMb(index: number): number {
  return DEPENDENCIES[index % DEPENDENCIES.length] ?? 1;
}

function programMb(index: number): number {
  return PROGRAMS[index % PROGRAMS.length] ?? 1;
}
