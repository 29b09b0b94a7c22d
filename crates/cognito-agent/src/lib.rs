//! Hands a signed-in person's AWS credentials to the programs on their machine.
