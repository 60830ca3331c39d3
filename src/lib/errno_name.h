/// Errno values as text, for messages.
#pragma once

#include "abi/errno.h"

/// "ENOENT" for ENOENT; "errno?" for a number that has no name here.
const char* errno_name(Errno error);
