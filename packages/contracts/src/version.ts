/** The version of the link, delivery and host protocols. A side that receives another version answers "upgrade". */
export const PROTOCOL_VERSION = 2;
