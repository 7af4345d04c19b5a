#include "server/checkpoint.h"
