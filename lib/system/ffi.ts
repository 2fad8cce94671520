import type * as module from "bun:ffi";

export type { FFIFunction, Library, Pointer } from "bun:ffi";

/**
 * What the runtime makes `bun:ffi` of, by the same names. The module takes 30 page faults more to load, for
 * what is not used here. Not every failure of `dlopen()` is thrown: it may be returned.
 */
export const ffi = (Bun as unknown as { readonly FFI: typeof module }).FFI;
