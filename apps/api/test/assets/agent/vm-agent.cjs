exports.agent = "vm-agent";
