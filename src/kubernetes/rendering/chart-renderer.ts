/** What renders a chart, whatever does it: the request, the answer, and the limits that hold for all renderers. */

/** One file of values. */
export interface ValuesFile {
  /** What messages call it. */
  readonly name: string;
  readonly text: string;
}

/** All that decides what a chart renders to. */
export interface RenderRequest {
  /** The package (`.tgz`). */
  readonly chart: Buffer;
  /** What messages call the chart. */
  readonly shownAs: string;
  /** In order: later files win. */
  readonly values: readonly ValuesFile[];
  readonly releaseName: string;
  readonly namespace: string;
  /** The cluster's version (`1.34.2`). Required, since each Helm has a default of its own. */
  readonly kubeVersion: string;
  /** What the cluster serves beside what Helm knows itself: `monitoring.coreos.com/v1`. */
  readonly apiVersions: readonly string[];
  /** Whether `crds/` is part of the answer. */
  readonly includeCrds: boolean;
  /** Takes values that `values.schema.json` would refuse, and schemas that refer to what is outside of the chart. */
  readonly skipSchemaValidation?: boolean | undefined;
  /**
   * Which chance and which time the chart sees. What differs between 0 and 1, the chart makes anew at each rendering. A
   * helm program takes both from the machine, whatever stands here. @defaultValue 0
   */
  readonly seed?: 0 | 1 | undefined;
}

/** What one template, or one file of `crds/`, rendered to. */
export interface RenderedDocument {
  /** Path within the chart, the chart's name first: `app/charts/db/templates/statefulset.yaml`. */
  readonly source: string;
  /** One YAML document; a file of `crds/` comes whole and may hold several. */
  readonly text: string;
}

/** What a chart renders to. */
export interface RenderedChart {
  /** What `helm template` prints: CRDs, then resources in the order of installation, hooks and tests last. */
  readonly documents: readonly RenderedDocument[];
  /** The chart's NOTES.txt; undefined where the renderer does not tell: `helm template` keeps it. */
  readonly notes: string | undefined;
}

/** What one rendering may take. A chart is a stranger's program. */
export interface RenderLimits {
  readonly timeoutMs: number;
  readonly maxMemoryBytes: number;
  /** Of all that is printed. */
  readonly maxOutputBytes: number;
}

/** Several times what the largest public charts take: 250 MB, 2 s, 6 MB. */
export const RENDER_LIMITS: RenderLimits = {
  timeoutMs: 120_000,
  maxMemoryBytes: 512 * 1024 * 1024,
  maxOutputBytes: 32 * 1024 * 1024,
};

/** Renders charts as Helm does. Which one did is recorded, since Helm's own results change with its version. */
export interface ChartRenderer {
  readonly name: 'helm-engine' | 'helm';
  /** Helm's, without a `v`: `4.3.1`. */
  readonly version: string;
  /**
   * Renders one chart; several may run at once.
   * @throws UsageError `INVALID_SPEC` with Helm's words for what Helm refuses, and for a chart that goes over a limit.
   * @throws IntegrityError `MALFORMED` for a package that nothing should unpack.
   * @throws StoreError `STORE_IO` when the renderer itself fails.
   */
  render(request: RenderRequest, options?: { readonly signal?: AbortSignal | undefined }): Promise<RenderedChart>;
}
