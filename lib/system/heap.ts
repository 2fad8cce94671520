import { calls } from "./architecture.ts";
import { ffi, type Pointer } from "./ffi.ts";
import { syscall } from "./syscall.ts";

/** What a plain conversation takes of the heap, in bytes. */
const CONVERSATION = 256 * 1024;
/** The largest page of memory that the kernel may have on either architecture, in bytes. */
const LARGEST_PAGE = 65536;
const MADV_POPULATE_WRITE = 23;

/**
 * Maps at once what the heap takes next, see MADV_POPULATE_WRITE in madvise(2): otherwise each page costs
 * a page fault when it is first used. The runtime takes the blocks of its heap in order, and goes on near
 * what it made last. Where that is wrong, and on Linux before 5.14, only the call is lost.
 */
export function mapHeapAhead(): void {
  const here = ffi.ptr(new Uint8Array(16)) as number;
  const start = here - here % LARGEST_PAGE;
  syscall(calls.madvise, start, CONVERSATION as Pointer, MADV_POPULATE_WRITE as Pointer, 0);
}
