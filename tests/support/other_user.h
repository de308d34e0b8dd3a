// What a process may do that is not root's.
#pragma once

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cl {

/// Whether `holds()` does in a child process of the user `user`; to be called by root.
template <class Condition>
bool holds_for(uid_t user, Condition holds) {
  const pid_t child = fork();
  if (child == 0) {
    bool held = false;
    try {
      held = setuid(user) == 0 && holds();
    } catch (...) {
    }
    _exit(held ? 0 : 1);
  }
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

}  // namespace cl
