/** What a file can be imported from, as `--from` takes it. */
export const IMPORT_FORMATS = [
  'images', 'hauler', 'oc-mirror', 'regsync', 'skopeo', 'zarf', 'imgpkg', 'images-lock', 'compose', 'helmfile',
] as const; // prettier-ignore
export type ImportFormat = (typeof IMPORT_FORMATS)[number];
