import type { Decoder } from "./decoders/decoder.ts";
import { messages } from "./decoders/messages.ts";
import { openssh } from "./decoders/openssh.ts";
import { sftp } from "./decoders/sftp.ts";

/** What is read of peers, and of files that people bring. */
export const decoders: readonly Decoder[] = [...messages, ...sftp, ...openssh];
