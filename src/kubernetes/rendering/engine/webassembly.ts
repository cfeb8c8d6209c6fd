/** The part of WebAssembly's interface that is used here; TypeScript has it among the browser's types only. */

/** A compiled module. It can be given to threads, which then compile nothing. */
export interface WasmModule {
  readonly kind?: 'module';
}

/** What a module can be called by and reads from. */
export interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}

/** By module and name. */
export type WasmImports = Readonly<Record<string, Readonly<Record<string, (...values: never[]) => number | void>>>>;

interface WasmApi {
  compile(bytes: Uint8Array): Promise<WasmModule>;
  readonly Instance: new (module: WasmModule, imports: WasmImports) => WasmInstance;
  readonly Module: { imports(module: WasmModule): readonly { readonly module: string; readonly name: string }[] };
}

/** @see https://webassembly.github.io/spec/js-api/ */
export const wasm = (globalThis as unknown as { readonly WebAssembly: WasmApi }).WebAssembly;
