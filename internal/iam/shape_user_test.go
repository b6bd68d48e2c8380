package iam_test

var userShapes = shapes{}
